"""The outside world as Wardgate asks it: today, the key sets of clients.

Owns: fetching with limits of size, time, address and count; caching; what happens when a host is down.
Leaves: what a key set must look like (`jose`), who needs one (`authserver`).
Read: errors, addresses, fetch, jwks.
"""

from wardgate.outbound.errors import JWKSUnavailable
from wardgate.outbound.fetch import FetchRules
from wardgate.outbound.jwks import KeySetSettings, KeySetSource

__all__ = ["FetchRules", "JWKSUnavailable", "KeySetSettings", "KeySetSource"]
