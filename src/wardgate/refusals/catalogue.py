"""The one catalogue of refusals: every area's table, by code. A code that appears twice stops the program."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wardgate.refusals.asking import ASKING, RESERVED
from wardgate.refusals.certificates import CERTIFICATES
from wardgate.refusals.gateway import GATEWAY
from wardgate.refusals.gp_connect import GP_CONNECT
from wardgate.refusals.limits import LIMITS
from wardgate.refusals.mesh import MESH
from wardgate.refusals.messages import MESSAGES
from wardgate.refusals.platform import PLATFORM
from wardgate.refusals.providers import PROVIDERS
from wardgate.refusals.reason import Reason
from wardgate.refusals.reasonable_adjustments import REASONABLE_ADJUSTMENTS
from wardgate.refusals.roles import ROLES
from wardgate.refusals.secure_proxy import SECURE_PROXY
from wardgate.refusals.sign_in import SIGN_IN
from wardgate.refusals.spine import SPINE
from wardgate.refusals.spine_jwt import BOOKING_JWT, SPINE_JWT
from wardgate.refusals.system_directory import DIRECTORY
from wardgate.refusals.token_endpoint import TOKEN_ENDPOINT
from wardgate.refusals.user_tokens import USER_TOKENS


def _by_code(*tables: tuple[Reason, ...]) -> Mapping[str, Reason]:
    found: dict[str, Reason] = {}
    for table in tables:
        for row in table:
            if row.code in found:
                raise ValueError(f"two refusals have the code {row.code}")
            found[row.code] = row
    return MappingProxyType(found)


CATALOGUE: Final = _by_code(
    TOKEN_ENDPOINT, USER_TOKENS, SIGN_IN, PROVIDERS, GATEWAY, ROLES, CERTIFICATES,
    SPINE_JWT, BOOKING_JWT, SPINE, REASONABLE_ADJUSTMENTS, SECURE_PROXY, GP_CONNECT, DIRECTORY, MESSAGES, MESH, LIMITS, PLATFORM, RESERVED, ASKING,
)  # fmt: skip


def reason(code: str) -> Reason:
    """Return the reason with this code. Raises `KeyError` for a code outside the catalogue."""
    return CATALOGUE[code]
