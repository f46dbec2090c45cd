"""The routes of `/messageexchange`, and the order of what happens to every request (itk3-messaging 5.2).

It believes the headers of its peer: listen on a private socket, behind Envoy, only.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import unquote

from wardgate.mesh.bodies import BASE
from wardgate.mesh.errors import MeshRefused
from wardgate.mesh.forms import CONTROL
from wardgate.messaging import test_mode
from wardgate.messaging.acknowledge import acknowledge
from wardgate.messaging.authenticate import authenticate
from wardgate.messaging.call import Call
from wardgate.messaging.count import count
from wardgate.messaging.handshake import handshake
from wardgate.messaging.inbox import inbox
from wardgate.messaging.lookup import endpoint_lookup, workflow_search
from wardgate.messaging.ping import ping
from wardgate.messaging.read_message import head_message, read_chunk, read_message
from wardgate.messaging.receiving import drain
from wardgate.messaging.refuse import refuse
from wardgate.messaging.send import send
from wardgate.messaging.send_chunk import send_chunk
from wardgate.messaging.server import MailboxServer
from wardgate.messaging.tracking import track, track_by_local_id
from wardgate.messaging.wire import ClientGone, Receive, Scope, Send
from wardgate.stores.errors import StoreError

Endpoint = Callable[[Call], Awaitable[None]]
MAILBOX: Final = "{mailbox}"
MESSAGE: Final = "{message_id}"

ROUTES: Final[Mapping[tuple[str, ...], Mapping[str, Endpoint]]] = {
    ("_ping",): {"GET": ping},
    ("endpointlookup", "{ods}", "{workflow}"): {"GET": endpoint_lookup},
    ("workflowsearch", "{workflow}"): {"GET": workflow_search},
    (MAILBOX,): {"GET": handshake, "POST": handshake},
    (MAILBOX, "inbox"): {"GET": inbox},
    (MAILBOX, "count"): {"GET": count},
    (MAILBOX, "inbox", MESSAGE): {"GET": read_message, "HEAD": head_message},
    (MAILBOX, "inbox", MESSAGE, "{chunk}"): {"GET": read_chunk},
    (MAILBOX, "inbox", MESSAGE, "status", "acknowledged"): {"PUT": acknowledge},
    (MAILBOX, "outbox"): {"POST": send},
    (MAILBOX, "outbox", "tracking"): {"GET": track},
    (MAILBOX, "outbox", "tracking", "{local_id}"): {"GET": track_by_local_id},
    (MAILBOX, "outbox", MESSAGE, "{chunk}"): {"POST": send_chunk},
}
"""In the order in which they are tried: a word comes before a name in its place."""
TEST_ROUTES: Final[Mapping[tuple[str, ...], Mapping[str, Endpoint]]] = {
    ("admin", "reset"): {"DELETE": test_mode.reset},
    ("admin", "reset", MAILBOX): {"DELETE": test_mode.reset},
    ("admin", "report"): {"POST": test_mode.report},
}
WITHOUT_TOKEN: Final[frozenset[Endpoint]] = frozenset({ping, test_mode.reset, test_mode.report})
CAPITALS: Final = frozenset({"mailbox", "message_id"})
"""Parts of paths that the server writes in capitals."""

_log = logging.getLogger(__name__)


class MessagingApp:
    """The ASGI application. `close` ends its threads."""

    def __init__(self, server: MailboxServer) -> None:
        self._server = server
        tests = server.settings.test_routes and not server.is_live
        self._routes = _by_length({**TEST_ROUTES, **ROUTES} if tests else ROUTES)
        self._tests = tests

    def handles(self, path: str) -> bool:
        """Whether the server should send this path here."""
        return path == BASE or path.startswith(f"{BASE}/") or (self._tests and path.startswith("/admin/"))

    def close(self) -> None:
        """End the threads, when the last request was answered."""
        self._server.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; other kinds of connection are not for this application."""
        if scope["type"] != "http":
            raise ValueError(f"not an HTTP request: {scope['type']}")
        server = self._server
        call = Call(server, scope, receive, send, server.now(), dict(scope["headers"]))
        try:
            await self._answer(call)
        except MeshRefused as refused:
            await self._refuse(call, refused)
        except ClientGone:
            return
        except StoreError:
            await self._refuse(call, MeshRefused("mesh-unavailable"))
        except Exception:  # noqa: BLE001 - whatever went wrong, the caller gets an answer and the log the trace
            _log.exception("a request to a mailbox failed: %s", call.internal_id)
            await self._refuse(call, MeshRefused("mesh-failed"))

    async def _answer(self, call: Call) -> None:
        endpoint, call.parts = self._find(call.scope)            # (1) what is asked
        if endpoint not in WITHOUT_TOKEN:
            authenticate(call, call.parts.get("mailbox"))        # (2) who asks
        await endpoint(call)                                     # (3) the checks of the call, the step that uses the token up, the answer

    async def _refuse(self, call: Call, refused: MeshRefused) -> None:
        if call.started:  # NOTE: what was sent cannot be taken back: the connection is broken off, and the caller sees less than was promised
            return
        try:
            await drain(call, refused)
            await refuse(call, refused)
        except ClientGone:
            return

    def _find(self, scope: Scope) -> tuple[Endpoint, Mapping[str, str]]:
        """Return the endpoint and the names in the path. Raises `MeshRefused`."""
        parts = _parts(scope)
        for pattern, methods in self._routes.get(len(parts), ()):
            if all(stated == part or stated[0] == "{" for stated, part in zip(pattern, parts, strict=True)):
                named = {stated[1:-1]: part for stated, part in zip(pattern, parts, strict=True) if stated[0] == "{"}
                if not all(named.values()) or any(CONTROL.search(value) for value in named.values()):
                    break
                endpoint = methods.get(scope["method"])
                if endpoint is None:
                    raise MeshRefused("mesh-method", " or ".join(methods), scope["method"][:20], values={"methods": ", ".join(methods)})
                return endpoint, {name: value.upper() if name in CAPITALS else value for name, value in named.items()}
        raise MeshRefused("mesh-path")


def _by_length(routes: Mapping[tuple[str, ...], Mapping[str, Endpoint]]) -> dict[int, list[tuple[tuple[str, ...], Mapping[str, Endpoint]]]]:
    found: dict[int, list[tuple[tuple[str, ...], Mapping[str, Endpoint]]]] = {}
    for pattern, methods in routes.items():
        found.setdefault(len(pattern), []).append((pattern, methods))
    return found


def _parts(scope: Scope) -> list[str]:
    """Return the segments below the base, decoded one by one: an encoded slash is part of its segment. Each octet is a character, as in headers."""
    raw = scope.get("raw_path")
    path = (raw.partition(b"?")[0] if raw else scope["path"].encode("utf-8", "surrogateescape")).decode("latin-1")
    if path.startswith(f"{BASE}/"):
        path = path[len(BASE):]
    return [unquote(part, "latin-1") if raw and "%" in part else part for part in path.strip("/").split("/")]
