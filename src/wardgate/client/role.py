"""The role a healthcare worker acts in: `NHSD-Session-URID`, a user role profile id (user-restricted 8)."""

import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = "NHSD-Session-URID"
_ROLE: Final = re.compile(r"[0-9]{1,15}", re.ASCII)


def role_headers(role: str | None) -> Mapping[str, str]:
    """Return the header that chooses a role, nothing for None. Raises `ValueError` for what cannot be a role profile's id.

    In the combined pattern the role is one of the user's, which userinfo lists as `person_roleid`; it is not needed when the
    user has one role or chose one while signing in. In the separate pattern the application has to send it.
    """
    if role is None:
        return {}
    if not _ROLE.fullmatch(role):
        raise ValueError("a role profile's id has 1 to 15 digits")
    return {HEADER: role}
