"""Client authentication by signed JWT (RFC 7521, RFC 7523; application-restricted 6.3 and 6.5).

The checks are two tables in the server's order; the first that does not hold refuses. `check_structure` runs the first
table before the client is looked up; `verify_signature_and_audience` runs the second and makes the proof. The doctor
walks the same tables (`oauth.explain`).

The caller still owes: the atomic claim of (client, jti) that makes the assertion single use. The look that stands in
the first table may only refuse.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from wardgate.jose import BadSignature, JWKSet, UnsuitableKey, UnverifiedJWT, VerifiedJWT, verify
from wardgate.jose.jwk import shown
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.profiles import AssertionProfile

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_AHEAD_SECONDS: Final = 300
AHEAD_GRACE_SECONDS: Final = 10
NOT_BEFORE_GRACE_SECONDS: Final = 10
REMEMBER_GRACE_SECONDS: Final = 70
"""A used jti is kept until exp + 10 s + a minute for clocks that differ between machines."""
MAX_JTI_CHARS: Final = 256
MAX_AUDIENCES: Final = 10

_NUMERIC_TEXT: Final = re.compile(r"\s*[+-]?[0-9]{1,20}(\.[0-9]{1,20})?\s*")

Seen = Callable[[str, str], bool]
"""(sub, jti): whether this id is known to be used. A look that may only refuse."""


@dataclass(frozen=True, slots=True)
class Examination:
    """One assertion under examination: what a check may look at."""

    jwt: UnverifiedJWT
    now: float
    """Seconds since 1970."""
    profile: AssertionProfile
    seen: Seen = lambda _sub, _jti: False
    keys: JWKSet | None = None
    audiences: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Check:
    """One row: the refusal's code, whether it holds, and how to say what was expected and what came."""

    code: str
    holds: Callable[[Examination], bool]
    expected: Callable[[Examination], str]
    received: Callable[[Examination], str]


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """Proof that the holder of `client_id`'s private key asked now. Made by `verify_signature_and_audience` only."""

    client_id: str
    jti: str
    kid: str
    alg: str
    expires: datetime
    remember_until: datetime
    """How long the caller must remember (client, jti)."""


# --- structure, before the client is known (6.5 step 6; rows 8 to 18)

def _alg_is_allowed(e: Examination) -> bool:
    alg = e.jwt.header.get("alg")
    return type(alg) is str and alg in e.profile.algorithms


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _not_expired(e: Examination) -> bool:
    """No grace. A number written as text counts here when it is past, and for its type later (6.5)."""
    exp = e.jwt.claims.get("exp")
    if exp is None:
        return True
    if _is_number(exp):
        return bool(e.now <= exp)
    return not (type(exp) is str and _NUMERIC_TEXT.fullmatch(exp) and e.now > float(exp))


def _has_kid(e: Examination) -> bool:
    kid = e.jwt.header.get("kid")
    return type(kid) is str and kid != ""


def _typ_is_jwt(e: Examination) -> bool:
    typ = e.jwt.header.get("typ")
    if typ is None and not e.profile.type_needed:
        return "typ" not in e.jwt.header
    return typ == "JWT" or (type(typ) is str and typ.upper() == "JWT")


def _has_exp(e: Examination) -> bool:
    return e.jwt.claims.get("exp") is not None


def _exp_is_number(e: Examination) -> bool:
    return _is_number(e.jwt.claims["exp"])


def _iss_is_sub(e: Examination) -> bool:
    sub = e.jwt.claims.get("sub")
    return type(sub) is str and sub != "" and e.jwt.claims.get("iss") == sub


def _has_jti(e: Examination) -> bool:
    jti = e.jwt.claims.get("jti")
    return jti is not None and jti != ""


def _jti_is_text(e: Examination) -> bool:
    jti = e.jwt.claims["jti"]
    return type(jti) is str and len(jti) <= MAX_JTI_CHARS and jti.isprintable()


def _jti_is_new(e: Examination) -> bool:
    return not e.seen(e.jwt.claims["sub"], e.jwt.claims["jti"])


def _exp_is_near(e: Examination) -> bool:
    return bool(e.jwt.claims["exp"] <= e.now + MAX_AHEAD_SECONDS + AHEAD_GRACE_SECONDS)


def _always(text: str) -> Callable[[Examination], str]:
    return lambda _e: text


def _header(name: str) -> Callable[[Examination], str]:
    return lambda e: shown(e.jwt.header[name]) if name in e.jwt.header else f"no {name}"


def _claim(name: str) -> Callable[[Examination], str]:
    return lambda e: shown(e.jwt.claims[name]) if name in e.jwt.claims else f"no {name}"


def masked(value: Any) -> str:
    """A client identifier as it may be recorded: it is the API key, itself a credential (application-restricted 5.1)."""
    if type(value) is not str:
        return "nothing" if value is None else f"a {type(value).__name__}"
    start = f" beginning {value[:4]!a}" if len(value) >= 16 else ""
    return f"a text of {len(value)} characters{start}"


def _iss_and_sub(e: Examination) -> str:
    return f"iss {masked(e.jwt.claims.get('iss'))}, sub {masked(e.jwt.claims.get('sub'))}"


def _clock(e: Examination) -> str:
    return str(int(e.now))


STRUCTURE: Final[tuple[Check, ...]] = (
    Check("assertion-alg", _alg_is_allowed, lambda e: " or ".join(sorted(e.profile.algorithms)), _header("alg")),
    Check("assertion-expired", _not_expired, lambda e: f"exp not before {_clock(e)}, the server's clock", _claim("exp")),
    Check("assertion-kid-missing", _has_kid, _always("a kid in the header, as text"), _header("kid")),
    Check("assertion-typ", _typ_is_jwt, _always("'JWT', in any case of letters"), _header("typ")),
    Check("assertion-exp-missing", _has_exp, _always("an exp"), _claim("exp")),
    Check("assertion-exp-type", _exp_is_number, _always("exp as a JSON number of seconds"), _claim("exp")),
    Check("assertion-iss-sub", _iss_is_sub, _always("iss and sub, both the application's API key"), _iss_and_sub),
    Check("assertion-jti-missing", _has_jti, _always("a jti"), _claim("jti")),
    Check("assertion-jti-type", _jti_is_text, _always(f"jti as a text of at most {MAX_JTI_CHARS} printable characters"), _claim("jti")),
    Check("assertion-jti-replayed", _jti_is_new, _always("a jti this client has not used"), _claim("jti")),
    Check("assertion-exp-too-far", _exp_is_near,
          lambda e: f"exp at most {MAX_AHEAD_SECONDS} s after {_clock(e)}, with {AHEAD_GRACE_SECONDS} s of grace", _claim("exp")),
)  # fmt: skip


# --- what the key proves, after the client is known (6.5 step 11; rows 22 to 24)

def _key_is_known(e: Examination) -> bool:
    if e.keys is None:
        return False
    key = e.keys.get(e.jwt.header["kid"])
    if key is None:
        return False
    try:
        key.for_algorithm(e.jwt.header["alg"])
    except UnsuitableKey:
        return False
    return True


def _why_no_key(e: Examination) -> str:
    kid = e.jwt.header["kid"]
    if e.keys is None:
        return f"{shown(kid)}, and no key set"
    if kid in e.keys.set_aside:
        fault = e.keys.set_aside[kid]
        return f"{shown(kid)}, which the server does not use: it expects {fault.expected} and found {fault.received}"
    if kid in e.keys.keys:
        key = e.keys.keys[kid]
        return f"{shown(kid)}, which is a {key.kty} key" + (f" for {key.alg}" if key.alg else "")
    return f"{shown(kid)}; the set has " + shown(", ".join(e.keys.keys))


def _signature_verifies(e: Examination) -> bool:
    return _verified(e) is not None


def _verified(e: Examination) -> VerifiedJWT | None:
    key = e.keys.get(e.jwt.header["kid"]) if e.keys is not None else None
    if key is None:
        return None
    try:
        return verify(e.jwt, key)
    except (BadSignature, UnsuitableKey):
        return None


def _names_this_server(e: Examination) -> bool:
    """RFC 7523 section 3, rule 3: an exact member of the configured list, never the Host header."""
    aud = e.jwt.claims.get("aud")
    if type(aud) is str:
        return aud in e.audiences
    if type(aud) is not list or len(aud) > (1 if e.profile.single_audience else MAX_AUDIENCES):
        return False
    return any(type(item) is str and item in e.audiences for item in aud)


def _is_begun(e: Examination) -> bool:
    nbf = e.jwt.claims.get("nbf")
    return nbf is None or (_is_number(nbf) and nbf <= e.now + NOT_BEFORE_GRACE_SECONDS)


def _is_issued(e: Examination) -> bool:
    ahead = e.profile.max_issued_ahead_seconds
    iat = e.jwt.claims.get("iat")
    return ahead is None or iat is None or (_is_number(iat) and iat <= e.now + ahead)


KEY: Final = Check("assertion-kid-unknown", _key_is_known,
                   lambda e: f"the kid of a registered key for {shown(e.jwt.header['alg'])}", _why_no_key)  # fmt: skip
SIGNATURE: Final = Check("assertion-signature", _signature_verifies, _always("a signature by the key that kid names"),
                         lambda e: f"one that does not verify, of {len(e.jwt.signature)} bytes")  # fmt: skip
PROVED_CLAIMS: Final[tuple[Check, ...]] = (
    Check("assertion-aud", _names_this_server, lambda e: " or ".join(sorted(e.audiences)), _claim("aud")),
    Check("assertion-nbf", _is_begun,
          lambda e: f"nbf absent, or at most {NOT_BEFORE_GRACE_SECONDS} s after {_clock(e)}", _claim("nbf")),
    Check("assertion-iat", _is_issued,
          lambda e: f"iat absent, or at most {e.profile.max_issued_ahead_seconds} s after {_clock(e)}", _claim("iat")),
)  # fmt: skip


def refusal_of(check: Check, e: Examination) -> OAuthRefused:
    """Return the error of a check that does not hold; the profile names the refusal of `alg`."""
    code = e.profile.algorithm_code if check.code == "assertion-alg" else check.code
    return OAuthRefused(code, check.expected(e), check.received(e))


def check_structure(unverified: UnverifiedJWT, now: datetime, profile: AssertionProfile, seen: Seen) -> None:
    """Run 6.5 step 6 in order; what has passed has text `sub` and `jti` and a number `exp`. Raises `OAuthRefused`."""
    examination = Examination(unverified, now.timestamp(), profile, seen)
    for check in STRUCTURE:
        if not check.holds(examination):
            raise refusal_of(check, examination)


def verify_signature_and_audience(
    unverified: UnverifiedJWT, keys: JWKSet, audiences: AbstractSet[str], now: datetime, profile: AssertionProfile
) -> VerifiedAssertion:
    """Run 6.5 step 11 in order: key, signature, audience, times. `check_structure` must have passed.

    Raises `OAuthRefused`. The caller still owes the claim of (client, jti).
    """
    e = Examination(unverified, now.timestamp(), profile, keys=keys, audiences=audiences)
    if not KEY.holds(e):
        raise refusal_of(KEY, e)
    proof = _verified(e)
    if proof is None:
        raise refusal_of(SIGNATURE, e)
    for check in PROVED_CLAIMS:
        if not check.holds(e):
            raise refusal_of(check, e)
    claims = proof.claims
    expires = claims["exp"]
    return VerifiedAssertion(
        claims["sub"], claims["jti"], proof.kid, proof.alg, datetime.fromtimestamp(expires, UTC),
        datetime.fromtimestamp(expires + REMEMBER_GRACE_SECONDS, UTC),
    )
