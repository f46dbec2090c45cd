"""The routes of the authorisation server, and the one place where an error becomes an answer.

Every refusal is recorded before it is sent; a refusal that cannot be recorded is answered as row 28.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from wardgate.applications import Profile
from wardgate.audit.model import EventType
from wardgate.authserver import faults, health, published, refuse
from wardgate.authserver.addresses import AddressBook, Addresses
from wardgate.authserver.authenticate import Authenticator
from wardgate.authserver.authorize import authorize
from wardgate.authserver.backchannel_logout import backchannel_logout
from wardgate.authserver.callback import callback
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.introspect import introspect
from wardgate.authserver.preflight import is_preflight, preflight
from wardgate.authserver.pushed_request import pushed_request
from wardgate.authserver.revoke import revoke
from wardgate.authserver.token import token
from wardgate.authserver.userinfo import userinfo
from wardgate.authserver.wire import ClientGone, Receive, Scope, Send, telling_time
from wardgate.oauth.errors import OAuthRefused
from wardgate.outbound.mock_jwks import PREFIX as MOCK_JWKS
from wardgate.refusals.faults import Endpoint
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.stores.errors import StoreError

METADATA: Final = "/.well-known/oauth-authorization-server"

Posted = Callable[[AuthServer, Authenticator, Exchange, Snapshot, Addresses, Receive, Send], Awaitable[None]]
POSTED: Final[dict[str, Posted]] = {
    "/token": token, "/introspect": introspect, "/revoke": revoke, "/par": pushed_request, "/backchannel_logout": backchannel_logout,
}
READ: Final = frozenset({"/_ping", "/_status", "/jwks"})
GOT: Final = frozenset({"/authorize", "/callback", "/userinfo"})
"""Taken by GET alone: HEAD would begin or end something."""

_log = logging.getLogger(__name__)


class AuthServerApp:
    """The ASGI application. It believes the headers of its peer: listen on a private socket, behind Envoy, only."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server
        self._authenticator = Authenticator(server)
        self._addresses = AddressBook(server.settings)
        paths = server.settings.base_paths
        self._posted = {base + path: (base, handler) for base in paths for path, handler in POSTED.items()}
        self._got = {base + path: (base, path) for base in paths for path in GOT}
        self._read = {base + path: (base, path) for base in paths for path in READ}
        self._read |= {METADATA + base: (base, METADATA) for base in paths} | {METADATA: (paths[0], METADATA)}

    def handles(self, path: str) -> bool:
        """Whether the server should send this path here."""
        below = (base for base in self._server.settings.base_paths if path == base or path.startswith(base + "/"))
        return path in self._read or path.startswith((MOCK_JWKS, METADATA)) or next(below, None) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; other kinds of connection are not for this application."""
        if scope["type"] != "http":
            raise ValueError(f"not an HTTP request: {scope['type']}")
        server = self._server
        exchange = Exchange(server.now(), "", dict(scope["headers"]), server.new_message_id(), shift=server.clock_shift())
        if exchange.shift:
            send = telling_time(send, exchange.at)
        head = scope["method"] == "HEAD"
        try:
            await self._answer(scope, exchange, receive, send)
        except OAuthRefused as refused:
            await self._refuse(exchange, refused, send, head=head)
        except refuse.AlreadyRecorded as decided:
            await refuse.answer(exchange, decided.refused, send, head=head)
        except ClientGone:
            return
        except StoreError as fault:
            _log.error("the store cannot do its work (%s), message id %s", fault, exchange.message_id)
            await self._refuse(exchange, OAuthRefused("oauth-unexpected"), send, head=head)
        except Exception:  # noqa: BLE001 - row 28: whatever went wrong, the caller gets an answer and an id
            _log.exception("unexpected failure, message id %s", exchange.message_id)
            await self._refuse(exchange, OAuthRefused("oauth-unexpected"), send, head=head)

    async def _answer(self, scope: Scope, exchange: Exchange, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        snapshot = self._server.clients()
        posted = self._posted.get(path)
        if posted is not None and method == "POST":
            exchange.base_path, handler = posted
            addresses = self._addresses.of(posted[0], snapshot.tokens)
            if addresses is None:
                raise _unknown_path(exchange)
            await faults.meet(self._server, exchange, snapshot, Endpoint(path.removeprefix(posted[0] + "/")), receive)
            await handler(self._server, self._authenticator, exchange, snapshot, addresses, receive, send)
        elif self._preflights(path, snapshot) and is_preflight(method, exchange):
            await preflight(exchange, send)
        elif posted is not None:
            raise OAuthRefused("token-method-not-post", "POST", ascii(method[:20]))
        elif path in self._got:
            await self._sign_in(scope, exchange, snapshot, send)
        elif method in {"GET", "HEAD"}:
            await self._get(path, exchange, snapshot, send, head=method == "HEAD")
        else:
            raise _unknown_path(exchange)

    async def _sign_in(self, scope: Scope, exchange: Exchange, snapshot: Snapshot, send: Send) -> None:
        exchange.base_path, what = self._got[scope["path"]]
        exchange.refused_as = EventType.SIGN_IN_REFUSED
        addresses = self._addresses.of(exchange.base_path, snapshot.tokens)
        if addresses is None:
            raise _unknown_path(exchange)
        if scope["method"] != "GET":
            raise OAuthRefused("method-not-get", "GET", ascii(scope["method"][:20]))
        await faults.meet(self._server, exchange, snapshot, Endpoint(what[1:]))
        match what:
            case "/authorize":
                await authorize(self._server, self._authenticator, exchange, snapshot, addresses, scope["query_string"], send)
            case "/callback":
                await callback(self._server, exchange, snapshot, scope["query_string"], send)
            case _:
                await userinfo(self._server, exchange, snapshot, send)

    async def _get(self, path: str, exchange: Exchange, snapshot: Snapshot, send: Send, *, head: bool) -> None:
        if path.startswith(MOCK_JWKS):
            await published.host_key_set(exchange, path.removeprefix(MOCK_JWKS), send, head=head)
            return
        base, what = self._read.get(path, ("", ""))
        exchange.base_path = base
        addresses = self._addresses.of(base, snapshot.tokens)
        if addresses is None:
            raise _unknown_path(exchange)
        match what:
            case "/_ping":
                await health.ping(self._server, send, head=head)
            case "/_status":
                await faults.meet(self._server, exchange, snapshot, Endpoint.STATUS)
                faults.settle(self._server, exchange)
                await health.status(self._server, exchange, send, head=head)
            case "/jwks":
                await published.publish_keys(self._server, exchange, send, head=head)
            case _:
                await published.describe(self._server, exchange, snapshot, addresses, send, head=head)

    def _preflights(self, path: str, snapshot: Snapshot) -> bool:
        below = path.startswith(tuple(base + "/" for base in self._server.settings.base_paths))
        return below and self._server.settings.cors_preflight and snapshot.environment.profile is Profile.NHS

    async def _refuse(self, exchange: Exchange, refused: OAuthRefused, send: Send, *, head: bool) -> None:
        try:
            await refuse.record(self._server, exchange, refuse.refusal_of(refused))
        except StoreError as fault:
            _log.error("a refusal could not be recorded (%s), message id %s", fault, exchange.message_id)
            refused = OAuthRefused("oauth-unexpected")
        except Exception:  # noqa: BLE001 - no record, no story: the caller is told so
            _log.exception("a refusal could not be recorded, message id %s", exchange.message_id)
            refused = OAuthRefused("oauth-unexpected")
        await refuse.answer(exchange, refused, send, head=head)


def _unknown_path(exchange: Exchange) -> OAuthRefused:
    exchange.refused_as = EventType.CALL_REFUSED
    return OAuthRefused("oauth-path-unknown", "a path of the authorisation server", "another path")
