"""What introspection answers (RFC 7662 section 2.2) and to whom; whose token may be revoked (RFC 7009 section 2.1)."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

from wardgate.oauth.access_token import AccessToken

INACTIVE: Final[dict[str, Any]] = {"active": False}


def may_see(caller: str, token: AccessToken, resource_servers: AbstractSet[str]) -> bool:
    """A client sees its own tokens; a resource server that the operator named sees all (RFC 7662 section 4)."""
    return token.application == caller or caller in resource_servers


def may_revoke(caller: str, token: AccessToken) -> bool:
    """A client revokes its own tokens only."""
    return token.application == caller


def active(token: AccessToken) -> dict[str, Any]:
    """Return the answer about a token that is ours, in time and not revoked; without what only our gateway needs."""
    claims = {name: value for name, value in token.claims().items() if name not in {"cred", "bound"}}
    return {"active": True, "token_type": "Bearer"} | claims
