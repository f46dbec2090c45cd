"""API key: the application's key in the header `apikey` (application-restricted 5)."""

from wardgate.catalogue import Pattern
from wardgate.refusals import Refusal, reason
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Snapshot

HEADER = "apikey"


def identify(facts: Facts, snapshot: Snapshot) -> Proof | Refusal:
    """Return the application whose key was sent, or why there is none. The key is never repeated."""
    key = facts.headers.get(HEADER, "")
    if not key:
        return Refusal(reason("api-key-missing"), expected="header apikey", received="none or an empty one")
    found = snapshot.api_keys.get(key)
    if found is None:
        return Refusal(reason("api-key-unknown"), expected="a key of this environment", received="another value")
    values = {"application": found.application}
    if found.revoked:
        return Refusal(reason("api-key-revoked"), expected="a current key", received=f"key {found.id}, revoked", values=values)
    if found.expires is not None and found.expires <= facts.now:
        return Refusal(reason("api-key-expired"), expected="a current key",
                       received=f"key {found.id}, expired {found.expires.isoformat()}", values=values)
    return Proof(Pattern.API_KEY, found.application, (f"key {found.id} belongs to {found.application}",))
