"""Public keys and certificates written into the manifest: enough of a look to refuse what can never work.

Which algorithms and sizes a key may have is judged when it is used (application-restricted 6.1).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cryptography import x509

from wardgate.applications import Application
from wardgate.catalogue import API
from wardgate.identities import RelyingParty
from wardgate.manifest.draft import Draft
from wardgate.manifest.errors import Problem
from wardgate.manifest.locate import Location

MAX_KEYS: Final = 20
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
"""RFC 7518 section 6, RFC 8037 section 2: the public members of each key type. Symmetric keys are not among them."""
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

Finding = tuple[Location, str, str | None]


def check_keys(draft: Draft) -> Iterator[Problem]:
    """Inline key sets hold public keys with names; a backend's roots are certificates."""
    for entry, application in draft.models("applications", Application):
        for inner, message, suggestion in _key_set(application.jwks) if application.jwks is not None else ():
            yield entry.place("jwks", *inner).problem(message, suggestion)
    for entry, party in draft.models("relying_parties", RelyingParty):
        for inner, message, suggestion in _key_set(party.jwks) if party.jwks is not None else ():
            yield entry.place("jwks", *inner).problem(message, suggestion)
    for entry, api in draft.models("apis", API):
        if api.backend_ca is None:
            continue
        if not api.backend.startswith("https://"):
            yield entry.place("backend_ca").problem("`backend_ca` is for an https:// backend")
        try:
            x509.load_pem_x509_certificates(api.backend_ca.encode())
        except ValueError:
            yield entry.place("backend_ca").problem("the certificates cannot be read", "check that the PEM is complete")


def _key_set(jwks: Mapping[str, Any]) -> Iterator[Finding]:
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not keys:
        yield ("keys",), "a key set has `keys`, a list of at least one key", None
        return
    if len(keys) > MAX_KEYS:
        yield ("keys",), f"a key set has at most {MAX_KEYS} keys", None
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if not isinstance(key, dict):
            yield ("keys", index), "a key is a mapping (RFC 7517 section 4)", None
            continue
        for inner, message, suggestion in _key(key, seen):
            yield ("keys", index, *inner), message, suggestion


def _key(key: Mapping[str, Any], seen: set[str]) -> Iterator[Finding]:
    private = sorted(PRIVATE.intersection(key))
    if private:
        yield (private[0],), "this is a private key", "take it out, make a new pair, and publish the public half only"
    kind = key.get("kty")
    if not isinstance(kind, str) or kind not in REQUIRED:
        yield ("kty",), "`kty` must be RSA, EC or OKP", None
    else:
        for member in REQUIRED[kind]:
            if not isinstance(key.get(member), str) or not key[member]:
                yield (member,), f"a key of type {kind} has `{member}`", None
    kid = key.get("kid")
    if not isinstance(kid, str) or not kid:
        yield ("kid",), "a key has `kid`, the name assertions give in their header", None
    elif kid in seen:
        yield ("kid",), "two keys of the set have this `kid`", None
    else:
        seen.add(kid)
    if key.get("use", "sig") != "sig":
        yield ("use",), "`use` must be sig", None
