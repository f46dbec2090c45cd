"""The outside world as Wardgate asks it: key sets of clients, sign-in providers.

Owns: fetching with limits of size, time, address and count; caching; what happens when a host is down; being the client of
a sign-in provider (discovery, keys, tokens for a code, userinfo).
Leaves: what a key set must look like (`jose`), what an ID token must say (`oauth`), who needs one (`authserver`).
Read: errors, addresses, roots, fetch, jwks, mock_jwks, inside, providers.
"""

from wardgate.outbound.errors import JWKSUnavailable, OutsideFailed, ProviderRefused
from wardgate.outbound.fetch import FetchRules
from wardgate.outbound.jwks import KeySetSettings, KeySetSource
from wardgate.outbound.providers import ProviderSettings, ProviderSource

__all__ = [
    "FetchRules", "JWKSUnavailable", "KeySetSettings", "KeySetSource", "OutsideFailed", "ProviderRefused", "ProviderSettings",
    "ProviderSource",
]
