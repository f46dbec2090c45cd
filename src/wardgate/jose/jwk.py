"""A public key of a key set, checked rule by rule and parsed once (RFC 7517 section 4, RFC 7518 section 6).

The rules are a table, so that the doctor can show each of them; a key that breaks one is not usable.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from wardgate.jose import base64url
from wardgate.jose.algorithms import ALGORITHMS, Algorithm
from wardgate.jose.errors import InvalidJWK, UnsuitableKey

PRIVATE_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
CURVES: Final = {"EC": "P-256", "OKP": "Ed25519"}
MAX_RSA_BITS: Final = 8192
MAX_KID_CHARS: Final = 256
MIN_RSA_EXPONENT: Final = 65537
MAX_RSA_EXPONENT_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What a setting may say about keys: the smallest RSA modulus we accept (application-restricted 6.1)."""

    min_rsa_bits: int = 2048


@dataclass(frozen=True, slots=True)
class JWK:
    """A public key: checked, parsed, ready to verify with. `alg` limits it to one algorithm when present."""

    kid: str
    kty: str
    alg: str | None
    public: Mapping[str, str]
    """The required public members (RFC 7638 section 3.2), as they were written."""
    key: Any = field(repr=False, compare=False)

    def for_algorithm(self, name: str) -> Algorithm:
        """Return the algorithm `name` if this key may be used with it (RFC 8725 section 3.1), else raise `UnsuitableKey`."""
        algorithm = ALGORITHMS.get(name)
        if algorithm is None or algorithm.kty != self.kty:
            raise UnsuitableKey(f"a key for {name}", f"a key of type {self.kty}")
        if self.alg is not None and self.alg != name:
            raise UnsuitableKey(f"a key for {name}", f"a key whose alg is {self.alg}")
        return algorithm


@dataclass(frozen=True, slots=True)
class SigningJWK:
    """A private key parsed once, with the name it is published under and the one algorithm it signs with."""

    kid: str
    algorithm: Algorithm
    key: Any = field(repr=False, compare=False)

    @classmethod
    def of(cls, kid: str, alg: str, key: Any) -> "SigningJWK":
        """Pair a private key with its `alg`. Raises `UnsuitableKey` for an algorithm we do not speak or another key type."""
        algorithm = ALGORITHMS.get(alg)
        if algorithm is None or public_members(key.public_key())["kty"] != algorithm.kty:
            raise UnsuitableKey(f"a private key for {alg}", type(key).__name__)
        return cls(kid, algorithm, key)

    def public_jwk(self) -> dict[str, str]:
        """Return the public half as a JWK with `kid`, `use` and `alg`."""
        members = public_members(self.key.public_key())
        return members | {"kid": self.kid, "use": "sig", "alg": self.algorithm.name}


def public_members(key: Any) -> dict[str, str]:
    """Return the required members of a public key (RFC 7518 section 6, RFC 8037 section 2).

    Raises `UnsuitableKey` for a key that is neither RSA, P-256 nor Ed25519.
    """
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": base64url.encode_integer(numbers.n), "e": base64url.encode_integer(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": base64url.encode(point.x.to_bytes(32)), "y": base64url.encode(point.y.to_bytes(32))}
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(key.public_bytes_raw())}
    raise UnsuitableKey("an RSA, P-256 or Ed25519 key", type(key).__name__)


def shown(value: Any) -> str:
    """Return a value from outside as a short printable text for explanations."""
    text = ascii(value)
    return text if len(text) <= 100 else f"{text[:90]}... ({len(text)} characters)"


# --- the rules, in order

Members = Mapping[str, Any]


def _no_private_part(jwk: Members, _rules: KeyRules) -> str:
    found = [name for name in PRIVATE_MEMBERS if name in jwk]
    if found or jwk.get("kty") == "oct":
        # NOTE: the caller must treat this as fatal to the whole set: the owner has published a secret.
        raise InvalidJWK("public members only", "the members " + ", ".join(found) if found else "a symmetric key")
    return "public members only"


def _kid(jwk: Members, _rules: KeyRules) -> str:
    kid = jwk.get("kid")
    if type(kid) is not str or not 0 < len(kid) <= MAX_KID_CHARS or not kid.isprintable():
        raise InvalidJWK(f"kid is a text of 1 to {MAX_KID_CHARS} printable characters", shown(kid))
    return shown(kid)


def _kty(jwk: Members, _rules: KeyRules) -> str:
    kty = jwk.get("kty")
    if kty not in {"RSA", "EC", "OKP"}:
        raise InvalidJWK("kty is RSA, EC or OKP", shown(kty))
    return str(kty)


def _use(jwk: Members, _rules: KeyRules) -> str:
    use = jwk.get("use", "sig")
    if use != "sig":
        raise InvalidJWK("use is sig, or absent", shown(use))
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise InvalidJWK("key_ops includes verify, or is absent", shown(operations))
    return "sig" if "use" in jwk else "absent"


def _alg(jwk: Members, _rules: KeyRules) -> str:
    if "alg" not in jwk:
        return "absent"
    alg = jwk["alg"]
    algorithm = ALGORITHMS.get(alg) if isinstance(alg, str) else None
    if algorithm is None or algorithm.kty != jwk["kty"]:
        fitting = ", ".join(row.name for row in ALGORITHMS.values() if row.kty == jwk["kty"])
        raise InvalidJWK(f"alg is absent or one of {fitting}", shown(alg))
    return algorithm.name


def _size(jwk: Members, rules: KeyRules) -> str:
    if jwk["kty"] != "RSA":
        if jwk.get("crv") != CURVES[jwk["kty"]]:
            raise InvalidJWK(f"crv is {CURVES[jwk['kty']]}", shown(jwk.get("crv")))
        return str(jwk["crv"])
    modulus, exponent = _integer(jwk, "n"), _integer(jwk, "e")
    bits = modulus.bit_length()
    if not rules.min_rsa_bits <= bits <= MAX_RSA_BITS:
        raise InvalidJWK(f"an RSA modulus of {rules.min_rsa_bits} to {MAX_RSA_BITS} bits", f"{bits} bits")
    if modulus % 2 == 0:
        raise InvalidJWK("an odd RSA modulus", "an even one")
    if exponent % 2 == 0 or exponent < MIN_RSA_EXPONENT or exponent.bit_length() > MAX_RSA_EXPONENT_BITS:
        raise InvalidJWK(f"an odd RSA exponent e of {MIN_RSA_EXPONENT} or more", shown(jwk["e"]))
    return f"RSA of {bits} bits"


def _integer(jwk: Members, name: str) -> int:
    value = jwk.get(name)
    if type(value) is not str or len(value) > 4096:
        raise InvalidJWK(f"{name} is base64url text", "nothing" if value is None else type(value).__name__)
    try:
        return base64url.decode_integer(value)
    except ValueError:
        raise InvalidJWK(f"{name} is an unsigned number in base64url without padding", f"{len(value)} other characters") from None


Rule = tuple[str, Callable[[Members, KeyRules], str]]
RULES: Final[tuple[Rule, ...]] = (
    ("no private member (d, p, q, dp, dq, qi, oth, k)", _no_private_part),
    ("kid names the key", _kid),
    ("kty is a type we know", _kty),
    ("use and key_ops allow verifying", _use),
    ("alg, if present, fits the type", _alg),
    ("the key is large enough", _size),
)


def parse_jwk(members: Members, rules: KeyRules) -> JWK:
    """Apply every rule, then build the key. Raises `InvalidJWK` for the first rule that is broken."""
    for _, rule in RULES:
        rule(members, rules)
    names = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}[members["kty"]]
    return JWK(members["kid"], members["kty"], members.get("alg"), {name: members.get(name, "") for name in names}, _build(members))


def _build(members: Members) -> Any:
    try:
        match members["kty"]:
            case "RSA":
                return rsa.RSAPublicNumbers(_integer(members, "e"), _integer(members, "n")).public_key()
            case "EC":
                x, y = (_octets(members, name) for name in ("x", "y"))
                return ec.EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), ec.SECP256R1()).public_key()
            case _:
                return ed25519.Ed25519PublicKey.from_public_bytes(_octets(members, "x"))
    except InvalidJWK:
        raise
    except Exception:  # noqa: BLE001 - whatever the library says of these numbers, they are not a key
        raise InvalidJWK("numbers that are a public key", "numbers that are not") from None


def _octets(members: Members, name: str) -> bytes:
    """Return a coordinate: exactly 32 octets (RFC 7518 section 6.2.1.2)."""
    value = members.get(name)
    try:
        data = base64url.decode(value.encode("ascii")) if type(value) is str and len(value) < 100 else b""
    except ValueError:
        data = b""
    if len(data) != 32:
        raise InvalidJWK(f"{name} is 32 octets in base64url without padding", "another value")
    return data
