"""A whole Wardgate with the mailboxes of `mesh_rows`, and their callers: real certificates, over its real Envoy."""

import contextlib
import itertools
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from mesh_client import MeshClient

from mesh_rows.place import BASE, MAILBOXES, ORGANISATIONS, PASSWORD, V2, WORKFLOWS
from system import running as system

KEY = b"BackBone"
CALLERS = ("ALICE", "BOB", "DAVE")
"""Mailboxes with a password whose organisations have a certificate. Others call with the first one's."""


def manifest() -> str:
    """Return the manifest: YAML that is JSON."""
    return json.dumps({
        "environment": {"name": "post", "live": False},
        "organisations": [{"ods": ods, "name": f"Practice {ods}"} for ods in ORGANISATIONS.values()],
        "products": [{"name": "hello", "apis": ["hello"]}],
        "apis": [{"name": "hello", "base_path": "/hello", "backend": "http://127.0.0.1:9", "routes": [{"path": "/", "pattern": "tls-ma"}]}],
        "applications": [{
            "name": mailbox.lower(), "organisation": ORGANISATIONS[mailbox], "products": ["hello"],
            "tls_client_auth_san_dns": f"pc1.{ORGANISATIONS[mailbox].lower()}.api.mesh-client.nhs.uk",
        } for mailbox in CALLERS],
        "mailboxes": [mailbox.model_dump(mode="json") for mailbox in MAILBOXES],
        "workflows": [workflow.model_dump(mode="json", exclude_defaults=True) for workflow in WORKFLOWS],
    })


@dataclass
class MeshPost:
    """The Wardgate, and a connection for each certificate, kept open."""

    wardgate: Any
    certificates: dict[str, tuple[Path, Path]]
    clients: dict[str, httpx2.Client]
    kept: dict[str, str] = field(default_factory=dict)
    """The ids of messages that rows ask for."""
    _counts: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def token(self, mailbox: str, **other: Any) -> str:
        """Return a new token of a mailbox."""
        from wardgate.mesh import token  # noqa: PLC0415 - beside the method of the same name

        stated: dict[str, Any] = {
            "mailbox": mailbox, "password": PASSWORD, "shared_key": KEY, "nonce": str(uuid.uuid4()), "nonce_count": next(self._counts),
            "now": datetime.now(UTC),
        }
        return token.make(**stated | other)

    def client(self, mailbox: str) -> httpx2.Client:
        """Return the open connections of a mailbox's certificate."""
        return self.clients.get(mailbox, self.clients[CALLERS[0]])

    def call(self, mailbox: str, method: str, path: str, body: bytes = b"", *, shown: str | None = None, **given: str | None) -> httpx2.Response:
        """Send a request as a mailbox, over the certificate of `shown`. Names of headers have underscores for hyphens; None: without."""
        headers: dict[str, str | None] = {"Accept": V2, "Accept-Encoding": "identity", "User-Agent": None}
        if "Authorization" not in given:
            headers["Authorization"] = self.token(mailbox)
        headers |= {name.replace("_", "-"): value for name, value in given.items()}
        sent = {name: value for name, value in headers.items() if value is not None}
        return self.client(shown or mailbox).request(method, f"{BASE}/{path}", headers=sent, content=body or None)

    def sent(self, body: bytes = b"hello", **headers: str) -> str:
        """Send a message of ALICE's to BOB, or its first chunk, and return its id."""
        answer = self.call("ALICE", "POST", "ALICE/outbox", body, **{"Mex_To": "BOB", "Mex_WorkflowID": "LETTERS"} | headers)
        assert answer.status_code == 202, answer.text
        found: str = answer.json()["message_id"]
        return found

    def acknowledge(self, message_id: str) -> httpx2.Response:
        """Acknowledge, as BOB."""
        return self.call("BOB", "PUT", f"BOB/inbox/{message_id}/status/acknowledged")

    def mesh_client(self, mailbox: str, **more: Any) -> MeshClient:
        """Return a client of the national service, over TLS-MA."""
        chain, key = self.certificates[mailbox]
        return MeshClient(self.wardgate.mtls_url, mailbox, PASSWORD, shared_key=KEY, cert=(str(chain), str(key)), verify=str(self.wardgate.ca),
                          timeout=30, **more)


@contextlib.contextmanager
def a_mesh_post(directory: Path) -> Iterator[MeshPost]:
    """Run it."""
    (directory / "manifest.yaml").write_text(manifest())
    with system.running(directory, "--manifest", str(directory / "manifest.yaml")) as wardgate, contextlib.ExitStack() as open_connections:
        for mailbox in CALLERS:
            wardgate.done("mesh", "mailbox", "password", mailbox, "-", stdin=PASSWORD)
        (directory / "shared.key").write_bytes(KEY)
        wardgate.done("mesh", "shared-key", "set", directory / "shared.key")
        certificates = {mailbox: system.certificate(wardgate, mailbox.lower(), directory) for mailbox in CALLERS}
        clients = {mailbox: open_connections.enter_context(wardgate.client(mutual_tls=shown)) for mailbox, shown in certificates.items()}
        post = MeshPost(wardgate, certificates, clients)
        system.until(lambda: post.call("BOB", "GET", "BOB/inbox").status_code == 200, what="the password of a mailbox")
        yield post
