"""Scopes of an application by itself (application-restricted 6.8)."""

from collections.abc import Iterable
from typing import Final

from wardgate.oauth.errors import OAuthRefused

APPLICATION_SCOPE: Final = "urn:nhsd:apim:app:level3:"


def granted_scopes(product_scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the products' application-restricted scopes; a scope in the request counts for nothing (6.4).

    Raises `OAuthRefused` row 25 when there is none.
    """
    granted = tuple(scope for scope in product_scopes if APPLICATION_SCOPE in scope)
    if not granted:
        raise OAuthRefused("scope-none-granted", f"a product scope with {APPLICATION_SCOPE}", "no such scope")
    return granted
