"""A key set (RFC 7517 section 5; application-restricted 6.2).

The set is refused as a whole when it is not what it says it is, when two keys share a name, or when it gives away a
private key. A key that is merely not usable (too small, for encryption, of an unknown type) is set aside with the
rule it broke, as RFC 7517 section 5 asks; a set with no usable key is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.jose.errors import InvalidJWK, InvalidJWKSet
from wardgate.jose.jwk import JWK, PRIVATE_MEMBERS, KeyRules, parse_jwk, shown
from wardgate.jose.strict_json import decode_object

MAX_SET_BYTES: Final = 65_536
MAX_KEYS: Final = 20


@dataclass(frozen=True, slots=True)
class JWKSet:
    """Usable keys by `kid`, and why the others are not."""

    keys: Mapping[str, JWK]
    set_aside: Mapping[str, InvalidJWK]

    def get(self, kid: str) -> JWK | None:
        """Return the usable key of this name."""
        return self.keys.get(kid)


def read_members(data: bytes) -> list[Any]:
    """Return the `keys` of a set given as bytes. Raises `InvalidJWKSet`."""
    if len(data) > MAX_SET_BYTES:
        raise InvalidJWKSet(f"at most {MAX_SET_BYTES} bytes", f"{len(data)} bytes")
    try:
        document = decode_object(data)
    except ValueError as error:
        raise InvalidJWKSet("a JSON object", f"{len(data)} bytes that are {_fault(error)}") from None
    return members_of(document)


def members_of(document: Mapping[str, Any]) -> list[Any]:
    """Return the `keys` of a set given as an object. Raises `InvalidJWKSet`."""
    keys = document.get("keys")
    if not isinstance(keys, (list, tuple)):
        bare = "a single key; put it in a list under `keys`" if "kty" in document else "no such list"
        raise InvalidJWKSet("a list under `keys`", bare)
    if not 0 < len(keys) <= MAX_KEYS:
        raise InvalidJWKSet(f"1 to {MAX_KEYS} keys", f"{len(keys)} keys")
    return list(keys)


def parse_jwk_set(source: bytes | Mapping[str, Any], rules: KeyRules) -> JWKSet:
    """Read a set, given as bytes or as the object of a manifest, and parse every key of it once.

    Raises `InvalidJWKSet`.
    """
    members = read_members(source) if isinstance(source, bytes) else members_of(source)
    usable: dict[str, JWK] = {}
    set_aside: dict[str, InvalidJWK] = {}
    for position, key in enumerate(members, start=1):
        check_sound(key, position)
        name = key["kid"] if isinstance(key.get("kid"), str) else f"#{position}"
        if name in usable or name in set_aside:
            raise InvalidJWKSet("every kid once", f"two keys with the kid {shown(name)}")
        try:
            usable[name] = parse_jwk(key, rules)
        except InvalidJWK as fault:
            set_aside[name] = fault
    if not usable:
        raise InvalidJWKSet("at least one usable key", next(f"{shown(k)}: {fault}" for k, fault in set_aside.items()))
    return JWKSet(usable, set_aside)


def check_sound(key: Any, position: int) -> None:
    """Raise `InvalidJWKSet` for what spoils the whole set: a member that is no object, or a secret."""
    if not isinstance(key, Mapping):
        raise InvalidJWKSet("every key is a JSON object", f"key {position} is a {type(key).__name__}")
    secret = [name for name in PRIVATE_MEMBERS if name in key]
    if secret or key.get("kty") == "oct":
        what = f"the private members {', '.join(secret)}" if secret else "a symmetric key"
        raise InvalidJWKSet("public keys only; a published private key must be replaced", f"key {position} has {what}")


def _fault(error: ValueError) -> str:
    return str(error) if type(error) is ValueError else "not JSON"
