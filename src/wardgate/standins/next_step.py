"""What a sign-in still lacks, as a table of questions in the order they are asked. Pure.

At the mock realms nobody is asked for consent or for a proof of identity: the platform's test tools press one button.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from wardgate.identities import Role, User
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.authenticators import acr_reached
from wardgate.oidc.vectors import LEVELS, Vector, level_needed
from wardgate.standins.authorization_request import AuthorizationRequest
from wardgate.standins.errors import RedirectRefused
from wardgate.standins.sessions import Session
from wardgate.standins.surfaces import Endpoint, Surface
from wardgate.standins.transactions import Transaction

ROLE_SCOPES: Final = frozenset({"selectedrole", "changedrole"})
SEARCHED_FROM: Final = 6
"""From so many roles on the list has a search (user-restricted 11.7)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a sign-in is."""

    transaction: Transaction
    session: Session
    user: User

    @property
    def surface(self) -> Surface:
        """The provider."""
        return self.transaction.surface

    @property
    def request(self) -> AuthorizationRequest:
        """What was asked for."""
        return self.transaction.request


def may_continue(session: Session, request: AuthorizationRequest, surface: Surface, now: int) -> bool:
    """Whether the session is enough, or the person has to sign in (OpenID Connect Core section 3.1.2.3)."""
    sign_in = session.sign_in
    if {"login", "select_account"} & set(request.prompts):
        return False
    if request.max_age is not None and now - sign_in.auth_time > request.max_age:
        return False
    if surface.is_realm:
        return True
    if sign_in.authenticator is not None and acr_reached(sign_in.authenticator, request.acr_names) is None:
        return False
    return sign_in.credential is None or bool(_usable(request, sign_in.credential))


def _usable(request: AuthorizationRequest, credential: str) -> Sequence[Vector]:
    used = set(credential.split("."))
    return [vector for vector in request.vectors if vector.credentials <= used]


def _strength(progress: Progress) -> Endpoint | None:
    """The person has just signed in, in a way that does not satisfy the request: another try would not help."""
    sign_in, surface = progress.session.sign_in, progress.surface
    if surface.is_realm:
        return None
    if sign_in.authenticator is not None and acr_reached(sign_in.authenticator, progress.request.acr_names) is None:
        raise RedirectRefused.by("idp-acr-unmet")
    if sign_in.credential is not None and not _usable(progress.request, sign_in.credential):
        raise RedirectRefused.by("idp-vtr-unmet")
    return None


def _identity(progress: Progress) -> Endpoint | None:
    sign_in = progress.session.sign_in
    if progress.surface.is_realm or sign_in.credential is None or sign_in.proofing is None:
        return None
    needed = level_asked(progress)
    return Endpoint.IDENTITY_CHECK if LEVELS.index(sign_in.proofing) < LEVELS.index(needed) else None


def level_asked(progress: Progress) -> str:
    """Return the weakest level of identity that satisfies the request, with the credential that was used."""
    return level_needed(_usable(progress.request, progress.session.sign_in.credential or ""))


def _consent(progress: Progress) -> Endpoint | None:
    if progress.surface.kind is not ProviderKind.NHS_LOGIN or progress.surface.is_realm:
        return None
    return None if progress.request.client_id in progress.session.consents else Endpoint.CONSENT


def _role(progress: Progress) -> Endpoint | None:
    """0 roles: no claim; 1: chosen by itself; more: a list, unless one is chosen already (user-restricted 11.7)."""
    worker = progress.user.worker
    asked = ROLE_SCOPES & set(progress.request.scopes)
    if worker is None or not asked or len(worker.roles) < 2 or progress.transaction.role_chosen:
        return None
    return Endpoint.ROLE if "changedrole" in asked or progress.session.sign_in.role is None else None


QUESTIONS: Final[tuple[tuple[Callable[[Progress], Endpoint | None], str], ...]] = (
    (_strength, "idp-stronger-login-required"),
    (_identity, "idp-interaction-required"),
    (_consent, "idp-consent-required"),
    (_role, "idp-interaction-required"),
)
"""Each question, and the refusal when it would have to be asked but `prompt` is `none`."""


def next_step(progress: Progress) -> Endpoint | None:
    """Return the page to show next, None when nothing is lacking. Raises `RedirectRefused` when nothing may be asked."""
    for question, code in QUESTIONS:
        page = question(progress)
        if page is not None and "none" in progress.request.prompts:
            raise RedirectRefused.by(code)
        if page is not None:
            return page
    return None


def role_to_tell(progress: Progress) -> str | None:
    """Return `selected_roleid`: asked for by a scope; at a mock realm, whatever was chosen at the PIN entry, asked for or not."""
    worker, chosen = progress.user.worker, progress.session.sign_in.role
    if worker is None:
        return None
    if not ROLE_SCOPES & set(progress.request.scopes):
        return chosen if progress.surface.is_realm else None
    return chosen or (worker.roles[0].person_roleid if len(worker.roles) == 1 else None)


def roles_shown(roles: Sequence[Role], search: str) -> Sequence[Role]:
    """Return the roles in which every word of a search occurs."""
    words = search.casefold().split()
    return [role for role in roles if all(
        word in f"{role.role_name} {role.role_code} {role.org_name} {role.org_code} {role.person_roleid}".casefold() for word in words)]
