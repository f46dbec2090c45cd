"""Mailboxes of a whole Wardgate: a client of the national service, large messages, and SIGKILL while it sends and receives."""

import hashlib
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from mesh_client import MeshClient, MeshError
from requests import RequestException

from system import running as system

MIB = 1_048_576
MAILBOXES = {"ALICE": "a1a", "BOB": "b2b"}
LARGE_MIB = 80
"""More than the client sends as one chunk, and far more than either process may grow by."""
KILLS = 2
SEED = 20_261_121
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
"""The client library leaves the socket of a broken connection to the collector."""

MANIFEST = """
environment: {name: post, live: false}
organisations: [{ods: A1A, name: First Hospital}, {ods: B2B, name: Second Surgery}]
products: [{name: hello, apis: [hello]}]
apis: [{name: hello, base_path: /hello, backend: "http://127.0.0.1:9", routes: [{path: /, pattern: tls-ma}]}]
applications:
  - {name: alice, organisation: A1A, products: [hello], tls_client_auth_san_dns: one.a1a.api.mesh-client.nhs.uk}
  - {name: bob, organisation: B2B, products: [hello], tls_client_auth_san_dns: one.b2b.api.mesh-client.nhs.uk}
mailboxes: [{id: ALICE, organisation: A1A}, {id: BOB, organisation: B2B}]
workflows: [{id: LETTER, senders: [ALICE], receivers: [BOB]}]
"""


@dataclass
class Post:
    """A Wardgate with two mailboxes, and what their clients need."""

    wardgate: Any
    certificates: dict[str, tuple[Path, Path]]
    shared_key: bytes
    passwords: dict[str, str]

    def client(self, mailbox: str, **more: Any) -> MeshClient:
        """A client of the national service."""
        chain, key = self.certificates[mailbox]
        return MeshClient(self.wardgate.mtls_url, mailbox, self.passwords[mailbox], shared_key=self.shared_key, cert=(str(chain), str(key)),
                          verify=str(self.wardgate.ca), timeout=60, **more)


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """It is killed again and again."""
    directory = tmp_path_factory.mktemp("post")
    (directory / "manifest.yaml").write_text(MANIFEST)
    with system.running(directory, "--manifest", str(directory / "manifest.yaml")) as wardgate:
        passwords = {mailbox: secrets.token_urlsafe(12) for mailbox in MAILBOXES}
        for mailbox, password in passwords.items():
            wardgate.done("mesh", "mailbox", "password", mailbox, "-", stdin=password)
        key = directory / "shared.key"
        key.write_text("BackBone")
        wardgate.done("mesh", "shared-key", "set", key)
        certificates = {mailbox: system.certificate(wardgate, mailbox.lower(), directory) for mailbox in MAILBOXES}
        yield Post(wardgate, certificates, b"BackBone", passwords)


def test_a_large_message_goes_through_in_little_memory(post: Post) -> None:
    """Neither Envoy nor the control plane holds a chunk, and both are as small afterwards."""
    with post.client("ALICE") as alice, post.client("BOB", max_retries=0) as bob:
        alice.handshake()
        first = alice.send_message("BOB", secrets.token_bytes(2 * MIB), workflow_id="LETTER")
        bob.retrieve_message(first).read()
        bob.acknowledge_message(first)
        pids = {"envoy": post.wardgate.envoy_pid(), "control plane": post.wardgate.process.pid}
        before = {name: system.resident_kib(pid) for name, pid in pids.items()}
        most, over = dict(before), threading.Event()

        def watch() -> None:
            while not over.wait(0.02):
                for name, pid in pids.items():
                    most[name] = max(most[name], system.resident_kib(pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            content = secrets.token_bytes(LARGE_MIB * MIB)
            sent = alice.send_message("BOB", content, workflow_id="LETTER")
            read = hashlib.sha256()
            with_it = bob.retrieve_message(sent)
            for piece in iter(lambda: with_it.read(MIB), b""):
                read.update(piece)
            bob.acknowledge_message(sent)
        finally:
            over.set()
            watcher.join()
    grown = {name: most[name] - before[name] for name in pids}
    print(f"\n{LARGE_MIB} MiB through: grown by {grown} KiB")
    assert read.digest() == hashlib.sha256(content).digest()
    assert grown["envoy"] < 16_384
    assert grown["control plane"] < 49_152


@dataclass
class Seen:
    """What clients were answered, over all lives of the process."""

    sent: dict[str, str] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    unsure: set[str] = field(default_factory=set)
    """What was acknowledged, and the answer to that did not come."""
    wrong: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def _send(post: Post, seen: Seen) -> None:
    with post.client("ALICE", max_chunk_size=150_000, max_retries=0) as alice:
        while not seen.over.is_set():
            for size in (700, 400_000):
                content = secrets.token_bytes(size)
                sent = _answered(seen, lambda content=content: alice.send_message("BOB", content, workflow_id="LETTER"))
                if sent is not None:
                    seen.sent[sent] = hashlib.sha256(content).hexdigest()


def _receive(post: Post, seen: Seen) -> None:
    with post.client("BOB", max_retries=0) as bob:
        while not seen.over.is_set():
            for message_id in (_answered(seen, bob.list_messages) or [])[:5]:
                content = _answered(seen, lambda message_id=message_id: bob.retrieve_message(message_id).read())
                if content is None:
                    continue
                if message_id in seen.sent and hashlib.sha256(content).hexdigest() != seen.sent[message_id]:
                    seen.wrong.append(f"{message_id}: other octets")
                if message_id in seen.acknowledged:
                    seen.wrong.append(f"{message_id}: given again")
                if _answered(seen, lambda message_id=message_id: bob.acknowledge_message(message_id) or True):
                    seen.acknowledged.append(message_id)
                else:
                    seen.unsure.add(message_id)


def _answered(seen: Seen, ask: Callable[[], Any]) -> Any:
    """Return the answer, None when the process was not there; what it should not have said is noted."""
    try:
        return ask()
    except MeshError as error:
        seen.wrong.append(str(error))
    except RequestException as error:
        answer = getattr(error, "response", None)
        if answer is not None and answer.status_code != 503:
            seen.wrong.append(f"{answer.status_code} {answer.text}")
        time.sleep(0.05)
    except OSError:
        time.sleep(0.05)
    return None


def test_nothing_that_was_answered_is_lost_or_doubled(post: Post) -> None:
    """SIGKILL of the control plane while three clients send and one receives; Envoy stays, and the next one goes on."""
    seen, dice = Seen(), random.Random(SEED)  # noqa: S311 - moments of death, not secrets
    workers = [threading.Thread(target=_send, args=(post, seen)) for _ in range(3)] + [threading.Thread(target=_receive, args=(post, seen))]
    for worker in workers:
        worker.start()
    try:
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.4, 1.0))
            post.wardgate.kill()
            post.wardgate.start()
        time.sleep(0.5)
    finally:
        seen.over.set()
        for worker in workers:
            worker.join(60)
    assert seen.wrong == []
    assert len(seen.sent) >= 3 * KILLS
    assert seen.acknowledged
    with post.client("BOB") as bob:
        waiting = list(bob.iterate_message_ids())
        assert len(waiting) == len(set(waiting))
        assert not set(waiting) & set(seen.acknowledged)
        assert set(seen.sent) - set(seen.acknowledged) <= set(waiting) | seen.unsure
        for message_id in waiting:
            content = bob.retrieve_message(message_id).read()
            if message_id in seen.sent:
                assert hashlib.sha256(content).hexdigest() == seen.sent[message_id]
            bob.acknowledge_message(message_id)
        assert bob.list_messages() == []
    print(f"\n{KILLS} kills: {len(seen.sent)} sends and {len(seen.acknowledged)} acknowledgements answered, {len(waiting)} were waiting")
