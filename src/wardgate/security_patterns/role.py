"""The role a healthcare worker acts in (user-restricted 8; spec README rule 10).

1. The header `NHSD-Session-URID`: one of the user's roles when the platform knows them (combined sign-in). After a token
   exchange it does not: the profile `nhs` takes the header unchecked, `strict` compares it with the directory's roles.
2. Else `selected_roleid` of the ID token (the claim `role` of our token).
3. Else the only role of the user.
4. Else there is no role, and the first thing that was wrong says why.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from wardgate.applications import Profile
from wardgate.catalogue import API, Route
from wardgate.catalogue.model import AccessMode, RoleErrors, RoleRule
from wardgate.oauth.access_token import TokenUser
from wardgate.refusals import Reason, Refusal, reason
from wardgate.refusals.dialects import Dialect
from wardgate.refusals.roles import ROLES
from wardgate.security_patterns.token_kind import mode_of

HEADER: Final = "nhsd-session-urid"
TOLD_AS: Final = "NHSD-Session-URID"
"""The name under which the backend learns the role, unless the route has another."""
URID: Final = re.compile(r"[0-9]{1,15}")
SHOWN_CHARACTERS: Final = 64
"""How much of a bad value is repeated in the answer."""
CODES: Final = frozenset(row.code for row in ROLES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a role is chosen from. An empty header is none; `directory` is what is known of users after an exchange."""

    header: str | None
    user: TokenUser | None
    profile: Profile
    directory: Mapping[str, frozenset[str]] = field(default_factory=dict)


def needed(route: Route, user: TokenUser | None) -> bool:
    """Return whether this caller must act in a role here."""
    worker = user is not None and mode_of(user) is AccessMode.HEALTHCARE_WORKER
    return route.role is RoleRule.REQUIRED or (route.role is RoleRule.OPTIONAL and worker)


def choose(wanted: Wanted) -> str | Reason:
    """Return the role, or why there is none."""
    user = wanted.user
    if user is None or mode_of(user) is not AccessMode.HEALTHCARE_WORKER:
        return reason("role-user-info-unavailable" if wanted.header else "role-claim-missing")
    if wanted.header:  # (1)
        return _by_header(wanted.header, user, wanted)
    if user.role is not None:  # (2)
        return user.role if URID.fullmatch(user.role) else reason("role-claim-invalid")
    if user.separate and user.roles is None:
        return reason("role-claim-missing")
    roles = _known(user)  # (3)
    if isinstance(roles, Reason):
        return roles
    return roles[0] if len(roles) == 1 else reason("role-ambiguous")  # (4)


def _by_header(header: str, user: TokenUser, wanted: Wanted) -> str | Reason:
    known: tuple[str, ...] | frozenset[str] | Reason
    if not user.separate:
        known = _known(user)
    elif wanted.profile is Profile.STRICT:
        known = wanted.directory.get(user.user, frozenset())
    else:  # NOTE: unchecked as on the platform, but for its form, which no honest client gets wrong
        known = (header,)
    if isinstance(known, Reason):
        return known
    return header if header in known and URID.fullmatch(header) else reason("role-not-of-user")


def _known(user: TokenUser) -> tuple[str, ...] | Reason:
    """Return the user's roles, as the provider told them, each once; one that is no identifier makes all of them worthless."""
    if user.roles is None:
        return reason("role-user-info-unavailable")
    if not user.roles:
        return reason("role-none")
    if not all(URID.fullmatch(role) for role in user.roles):
        return reason("role-list-invalid")
    return tuple(dict.fromkeys(user.roles))


def refuse(found: Reason, route: Route, header: str | None, application: str) -> Refusal:
    """Return the refusal in the form that the route asks for (`RoleErrors`). What came is not repeated in the record."""
    received = f"{found.code}: {'a header' if header else 'no header'}"
    values, said = {"application": application}, found
    if route.role_errors is RoleErrors.PLAIN_TEXT:
        said = replace(found, status=400, text=found.text.replace(TOLD_AS, HEADER))
    if route.role_errors is RoleErrors.HEADER:
        said = reason("role-header-invalid" if header else "role-header-missing")
        values["value"] = (header or "")[:SHOWN_CHARACTERS]
    return Refusal(said, expected="a role of the user", received=received, values=values)


def shape(refusal: Refusal, api: API, route: Route) -> Dialect | None:
    """Return the shape in which a refusal leaves: the route's, but an OperationOutcome for roles; None is plain text."""
    own = route.errors or api.errors
    if refusal.reason.code not in CODES or route.role_errors is RoleErrors.HEADER:
        return own
    return Dialect.FHIR if route.role_errors is RoleErrors.OPERATION_OUTCOME else None
