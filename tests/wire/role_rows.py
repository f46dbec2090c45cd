"""Every way for a role not to be chosen, as calls: a token of the cast and a header (user-restricted 8)."""

from dataclasses import dataclass

from wire.cast import FIRST_ROLE, OTHER_ROLE, SECOND_ROLE


@dataclass(frozen=True)
class RoleRow:
    """A row of the table. `text` is the platform's."""

    reason: str
    text: str
    token: str
    header: str | None = None
    status: int = 401
    patients_only: bool = False
    """Only where the route takes patients."""

    @property
    def as_header(self) -> str:
        """The reason on a route that speaks of the header instead."""
        return "role-header-invalid" if self.header else "role-header-missing"


_NO_CLAIM = "selected_roleid is missing in your token"
_NO_INFO = "unable to retrieve user info"
ROLE_ROWS = (
    RoleRow("role-ambiguous", "multiple roles found in user info, please check NHSD-Session-URID", "worker-several"),
    RoleRow("role-ambiguous", "multiple roles found in user info, please check NHSD-Session-URID", "worker-several", ""),
    RoleRow("role-none", "no userroles available, please check NHSD-Session-URID is valid", "worker-no-roles"),
    RoleRow("role-none", "no userroles available, please check NHSD-Session-URID is valid", "worker-no-roles", FIRST_ROLE),
    RoleRow("role-not-of-user", "NHSD-Session-URID is invalid", "worker-several", OTHER_ROLE),
    RoleRow("role-not-of-user", "NHSD-Session-URID is invalid", "worker-aal3", "R8008"),
    RoleRow("role-not-of-user", "NHSD-Session-URID is invalid", "worker-strict", OTHER_ROLE),
    RoleRow("role-claim-invalid", "selected_roleid is misconfigured/invalid", "worker-bad-claim"),
    RoleRow("role-list-invalid", "nhsid_nrbac_roles is misconfigured/invalid", "worker-bad-roles"),
    RoleRow("role-claim-missing", _NO_CLAIM, "worker-aal3"),
    RoleRow("role-claim-missing", _NO_CLAIM, "patient-P9", patients_only=True),
    RoleRow("role-user-info-unavailable", _NO_INFO, "worker-no-userinfo", FIRST_ROLE, 500),
    RoleRow("role-user-info-unavailable", _NO_INFO, "worker-no-userinfo", status=500),
    RoleRow("role-user-info-unavailable", _NO_INFO, "patient-P9", FIRST_ROLE, 500, patients_only=True),
)
CHOSEN = (
    ("worker-several", SECOND_ROLE, SECOND_ROLE), ("worker-claim", None, SECOND_ROLE), ("worker-claim", FIRST_ROLE, FIRST_ROLE),
    ("worker-sole", None, FIRST_ROLE), ("worker-sole", FIRST_ROLE, FIRST_ROLE), ("worker-aal3", OTHER_ROLE, OTHER_ROLE),
    ("worker-separate-claim", None, SECOND_ROLE), ("worker-strict", FIRST_ROLE, FIRST_ROLE),
)
"""A token, a header, and the role that is chosen."""
