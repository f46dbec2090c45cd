"""Whether a known application may call an API now: its standing, its products, its long quotas.

The same facts have different names under different patterns, as on the platform: a revoked application is
`application-not-approved` to its API key, `access-token-revoked` to its token (application-restricted 5.3 and 7).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from wardgate.catalogue import Pattern
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.snapshot import Client, Snapshot

UNKNOWN: Final = "unknown"
NO_PRODUCTS: Final = "application-no-products"
WRONG_PRODUCT: Final = "wrong-product"
STANDINGS: Final = ("application-not-approved", "developer-inactive", "company-inactive", NO_PRODUCTS, WRONG_PRODUCT, UNKNOWN)
"""Every way for a known credential not to be enough, in the order in which they are found."""

_BY_TOKEN: Final = (Pattern.SIGNED_JWT, Pattern.USER_RESTRICTED)
REASONS: Final[Mapping[tuple[Pattern, str], str]] = {
    **{(Pattern.API_KEY, standing): standing for standing in STANDINGS[:4]},
    (Pattern.API_KEY, WRONG_PRODUCT): "api-key-wrong-product",
    (Pattern.API_KEY, UNKNOWN): "api-key-unknown",
    **{(pattern, standing): "access-token-revoked" for pattern in _BY_TOKEN for standing in (*STANDINGS[:3], UNKNOWN)},
    **{(pattern, standing): "access-token-wrong-product" for pattern in _BY_TOKEN for standing in (NO_PRODUCTS, WRONG_PRODUCT)},
    **{(Pattern.TLS_MA, standing): "certificate-not-registered" for standing in (*STANDINGS[:3], UNKNOWN)},
    (Pattern.TLS_MA, NO_PRODUCTS): "certificate-wrong-product",
    (Pattern.TLS_MA, WRONG_PRODUCT): "certificate-wrong-product",
}


def standing(client: Client | None, api: str) -> str | None:
    """Return which of `STANDINGS` keeps this application from the API, or None when nothing does."""
    if client is None:
        return UNKNOWN
    if client.refused is not None:
        return client.refused
    if not client.products:
        return NO_PRODUCTS
    return None if api in client.apis else WRONG_PRODUCT


def refuse(pattern: Pattern, found: str, name: str, api: str) -> Refusal:
    """Return the refusal that `pattern` gives for a standing."""
    expected = {WRONG_PRODUCT: f"a product that includes {api}", NO_PRODUCTS: "an approved product"}
    return Refusal(reason(REASONS[pattern, found]), expected=expected.get(found, "an approved application"),
                   received=f"application {name}: {found}", values={"application": name})


def over_quota(name: str, api: str, snapshot: Snapshot, now: datetime) -> Refusal | None:
    """Return the refusal for a used-up quota that is longer than a minute: the application's first, then the API's."""
    for who, code in ((name, "application-quota-exceeded"), ("", "api-quota-exceeded")):
        until = snapshot.over_quota.get((who, api)) if who or code == "api-quota-exceeded" else None
        if until is not None and until > now:
            return Refusal(reason(code), expected="requests within the quota", received=f"used up until {until.isoformat()}",
                           values={"application": name})
    return None
