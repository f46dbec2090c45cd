"""Who is behind an access token, and which alternative of a route that is: the application itself, a worker, a patient.

Every bearer alternative of a route reads the same header, so a request presents all of them; the token fits one at most.
"""

from typing import Final

from wardgate.catalogue import API, Alternative, Pattern, Route
from wardgate.catalogue.model import LEVELS, AccessMode
from wardgate.oauth.access_token import TokenUser
from wardgate.oauth.scopes import APPLICATION_SCOPE
from wardgate.oauth.users import SCOPE_FAMILIES, ProviderKind
from wardgate.refusals import Refusal, reason

BEARER: Final = frozenset({Pattern.SIGNED_JWT, Pattern.USER_RESTRICTED})
"""The patterns whose credential is an access token in the Authorization header."""
FAMILIES: Final = {
    AccessMode.HEALTHCARE_WORKER: SCOPE_FAMILIES[ProviderKind.CIS2], AccessMode.PATIENT: SCOPE_FAMILIES[ProviderKind.NHS_LOGIN],
}
_MODE_OF: Final = {level: mode for mode, levels in LEVELS.items() for level in levels}


def ways(route: Route) -> tuple[tuple[Alternative, ...], ...]:
    """Return the alternatives by the credential they read, in the route's order: those of access tokens are one way."""
    alternatives = route.alternatives
    if len(alternatives) == 1:
        return (alternatives,)
    bearer = by_token(route)
    found = [bearer if alternative.pattern in BEARER else (alternative,) for alternative in alternatives]
    return tuple(dict.fromkeys(found))


def by_token(route: Route) -> tuple[Alternative, ...]:
    """Return the alternatives whose credential is an access token."""
    return tuple(alternative for alternative in route.alternatives if alternative.pattern in BEARER)


def mode_of(user: TokenUser | None) -> AccessMode | None:
    """Return who signed in, by the level, whose spelling tells; None for an application by itself and for no level of ours."""
    return _MODE_OF.get(user.level) if user is not None else None


def alternative_of(alternatives: tuple[Alternative, ...], user: TokenUser | None) -> Alternative | None:
    """Return the one alternative that is about a caller of this kind, or None."""
    pattern = Pattern.SIGNED_JWT if user is None else Pattern.USER_RESTRICTED
    mode = mode_of(user)
    if user is not None and mode is None:
        return None
    return next((found for found in alternatives if found.pattern is pattern and found.access_mode is mode), None)


def levels_of(alternative: Alternative) -> tuple[str, ...]:
    """Return the levels that are enough; scopes that the manifest states say it themselves, unless it states a level as well."""
    if alternative.access_mode is not None and alternative.scopes and alternative.minimum_level is None:
        return LEVELS[alternative.access_mode]
    return alternative.levels


def scopes_of(api: API, alternative: Alternative) -> tuple[str, ...]:
    """Return the scopes of which a token needs one: those of the manifest, else the API's (spec README rules 1 and 2)."""
    if alternative.scopes:
        return alternative.scopes
    if alternative.access_mode is None:
        return (f"{APPLICATION_SCOPE}{api.name}",)
    return tuple(
        f"urn:nhsd:apim:{family}:{level}:{api.name}" for level in alternative.levels for family in FAMILIES[alternative.access_mode]
    )


def required_scopes(api: API, alternatives: tuple[Alternative, ...]) -> tuple[str, ...]:
    """Return every scope that one of these alternatives asks for, as a refusal names them."""
    return tuple(dict.fromkeys(scope for found in alternatives for scope in scopes_of(api, found)))


def wrong_scope_reason(route: Route) -> str:
    """Return the reason a route gives for a token that is not enough (spec README rule 14)."""
    return "access-token-wrong-kind" if route.wrong_token_status == 401 else "scope-insufficient"


def check_scopes(
    held: tuple[str, ...], user: TokenUser | None, api: API, route: Route, alternatives: tuple[Alternative, ...], application: str
) -> Refusal | None:
    """Return why the token is not enough: another kind of caller, too low a level, or none of the scopes (user-restricted 9)."""
    fitting = alternative_of(alternatives, user)
    strong = fitting is not None and (user is None or user.level in levels_of(fitting))
    if fitting is not None and strong and not set(scopes_of(api, fitting)).isdisjoint(held):
        return None
    required = required_scopes(api, alternatives)
    who = f"{mode_of(user) or 'a user'} at {user.level.lower()}" if user is not None else "the application by itself"
    return Refusal(reason(wrong_scope_reason(route)), expected=" or ".join(required), received=f"{' '.join(held) or 'no scope'} ({who})",
                   values={"scopes": " ".join(required), "application": application})
