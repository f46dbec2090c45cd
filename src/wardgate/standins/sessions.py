"""Who is signed in at a stand-in, in which browser (user-restricted 11.8).

A session is two entries: `login/{sid}`, at which everything that comes of the sign-in hangs (codes, tokens, who was told), and
`session/{cookie}`, which ends by itself after a time without use, and absolutely. Ending the login ends all of it in one
step. Tokens outlive an idle session, as they do at the providers. When the same person signs in again, the login goes on and a new
`session/{cookie}` begins beside the one before.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from json import dumps, loads
from typing import Final

from wardgate.oidc.authenticators import Authenticator
from wardgate.standins.dependencies import StandIns
from wardgate.standins.surfaces import Surface
from wardgate.stores.ports import KeptEntry

LONGEST_LOGIN: Final = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class SignIn:
    """How somebody proved who they are. Times are whole seconds since 1970."""

    username: str
    method: str
    auth_time: int
    authenticator: Authenticator | None = None
    """At NHS CIS2."""
    identity_assurance: int | None = None
    """At NHS CIS2."""
    credential: str | None = None
    """At NHS login: `Cp`, `Cp.Cd`, `Cp.Ck` or `Cm`."""
    proofing: str | None = None
    """At NHS login: the level the identity is proved to, an identity check just passed included."""
    role: str | None = None
    """The role chosen."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in browser at one provider. `id` is its cookie: a secret. `sid` is its public name."""

    id: str
    sid: str
    base: str
    started: int
    sign_in: SignIn
    consents: tuple[str, ...] = ()
    """Clients the person agreed to share with."""

    @property
    def login(self) -> str:
        """The entry that everything hangs at."""
        return f"login/{self.sid}"


async def start(deps: StandIns, surface: Surface, sign_in: SignIn) -> Session:
    """Return a new session, under a new cookie: one planted before the sign-in is worth nothing after it."""
    session = Session(deps.secret(), deps.identifier(), surface.base, sign_in.auth_time, sign_in)
    login = KeptEntry(session.login, "{}", deps.now() + LONGEST_LOGIN)
    await deps.keep(login, _entry(deps, session))
    return session


async def find(deps: StandIns, surface: Surface, cookie: str | None) -> Session | None:
    """Return the session of a browser, if it is not over."""
    entry = await deps.kept_entry(f"session/{cookie}") if cookie else None
    if entry is None or cookie is None:
        return None
    body = loads(entry.body)
    body["sign_in"] = SignIn(**body["sign_in"])
    body["consents"] = tuple(body["consents"])
    if body["sign_in"].authenticator is not None:
        authenticator = Authenticator(body["sign_in"].authenticator)
        body["sign_in"] = SignIn(**{**asdict(body["sign_in"]), "authenticator": authenticator})
    found = Session(cookie, **body)
    return found if found.base == surface.base and not deps.is_ahead(found.started) else None


async def save(deps: StandIns, session: Session) -> bool:
    """Keep the session as it is now, and note that it is used; False when it was ended meanwhile."""
    return await deps.keep(_entry(deps, session), while_kept=session.login)


def _entry(deps: StandIns, session: Session) -> KeptEntry:
    body = asdict(session)
    del body["id"]
    settings = deps.settings
    absolute = datetime.fromtimestamp(session.started, UTC) + timedelta(seconds=settings.session_absolute_seconds)
    until = min(deps.until(settings.session_idle_seconds), absolute)
    return KeptEntry(f"session/{session.id}", dumps(body), until, head=session.login)
