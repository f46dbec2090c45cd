"""Sending the person back with a code (RFC 6749 section 4.1.2). The code is single use and hangs at the sign-in."""

from dataclasses import asdict, dataclass
from json import dumps, loads

from starlette.responses import Response

from wardgate.audit.model import EventType, Outcome
from wardgate.oidc.authenticators import Authenticator
from wardgate.standins.clients import Client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.errors import PageRefused
from wardgate.standins.next_step import Progress, role_to_tell
from wardgate.standins.record import note
from wardgate.standins.sessions import SignIn
from wardgate.standins.surfaces import Surface
from wardgate.standins.wire import SESSION_COOKIE, see, set_cookie
from wardgate.stores.ports import KeptEntry


@dataclass(frozen=True, slots=True)
class Authorized:
    """What a code, or a refresh token after it, stands for."""

    client_id: str
    base: str
    origin: str
    sid: str
    session: str
    """The browser's session, a secret: kept encrypted."""
    scopes: tuple[str, ...]
    sign_in: SignIn
    redirect_uri: str
    acr_names: tuple[str, ...] = ()
    vtr: str | None = None
    state: str | None = None
    nonce: str | None = None
    challenge: str | None = None
    role: str | None = None
    fault: str | None = None
    """A fault that the sign-in carries."""

    @property
    def login(self) -> str:
        """The entry it hangs at."""
        return f"login/{self.sid}"

    def as_text(self) -> str:
        """Return the form that is kept."""
        return dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> "Authorized":
        """Return what was kept."""
        body = loads(text)
        sign_in = body.pop("sign_in")
        if sign_in["authenticator"] is not None:
            sign_in["authenticator"] = Authenticator(sign_in["authenticator"])
        for name in ("scopes", "acr_names"):
            body[name] = tuple(body[name])
        return cls(**body, sign_in=SignIn(**sign_in))


async def send_back(deps: StandIns, progress: Progress, client: Client) -> Response:
    """Return the redirect with a new code. Raises `PageRefused` when the session was ended meanwhile."""
    request, session, surface = progress.request, progress.session, progress.surface
    origin = progress.transaction.origin
    code = deps.secret()
    authorized = Authorized(
        request.client_id, surface.base, origin, session.sid, session.id, request.scopes, session.sign_in, request.redirect_uri,
        request.acr_names, request.vtr, request.state, request.nonce, request.challenge, role_to_tell(progress), request.fault,
    )
    told = KeptEntry(
        f"party/{session.sid}/{origin}/{request.client_id}",
        dumps({"party": request.client_id, "origin": origin, "base": surface.base, "username": session.sign_in.username}),
        deps.until(deps.settings.session_absolute_seconds), head=session.login,
    )
    kept = KeptEntry(f"code/{code}", authorized.as_text(), deps.until(deps.settings.code_seconds[surface.kind]), head=session.login)
    if not await deps.keep(kept, told, while_kept=session.login):
        raise PageRefused.by("idp-signed-out-meanwhile")
    await note(deps, EventType.STAND_IN_SIGNED_IN, Outcome.ALLOWED, None, surface, client.client_id, session.sign_in.username,
               method=session.sign_in.method, sid=session.sid)
    answer = see(request.redirect_uri, _parameters(surface, progress, session.sid, code))
    set_cookie(answer, SESSION_COOKIE, session.id, surface, origin)
    return answer


def _parameters(surface: Surface, progress: Progress, sid: str, code: str) -> dict[str, str | None]:
    """Mock realms add `session_state`; CIS2 adds `iss` (RFC 9207) and `client_id` (user-restricted 4.3)."""
    request = progress.request
    more: dict[str, str | None] = {"session_state": sid} if surface.is_realm else {}
    if surface.names_issuer:
        more = {"iss": surface.issuer(progress.transaction.origin), "client_id": request.client_id}
    return {"code": code, "state": request.state, **more}
