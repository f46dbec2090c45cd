"""The server's own checks, told one by one up to the first that fails: what `wardgate doctor` prints."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wardgate.jose import JWK, InvalidJWK, InvalidJWKSet, JWKSet, KeyRules, MalformedJWT, UnsuitableKey, UnverifiedJWT
from wardgate.jose.jwk import RULES, parse_jwk, shown
from wardgate.jose.jwk_set import MAX_KEYS, MAX_SET_BYTES, check_sound, read_members
from wardgate.oauth.client_assertion import (
    KEY,
    PROVED_CLAIMS,
    SIGNATURE,
    STRUCTURE,
    Check,
    Examination,
    Seen,
    refusal_of,
)
from wardgate.oauth.profiles import AssertionProfile


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check: its refusal's code in the catalogue, whether it held, what was expected and what came (redacted)."""

    code: str
    holds: bool
    expected: str
    received: str


def explain_assertion(
    text: str, now: datetime, profile: AssertionProfile, audiences: AbstractSet[str], keys: JWKSet | None,
    seen: Seen = lambda _sub, _jti: False,
) -> list[CheckResult]:
    """Return every check of the assertion in the server's order, up to and including the first that does not hold.

    Without a key set the checks end before the key. Whether the client is known is not asked: that needs a server.
    """
    results: list[CheckResult] = []
    for result in _assertion_results(text, now, profile, audiences, keys, seen):
        results.append(result)
        if not result.holds:
            break
    return results


def _assertion_results(
    text: str, now: datetime, profile: AssertionProfile, audiences: AbstractSet[str], keys: JWKSet | None, seen: Seen
) -> Iterator[CheckResult]:
    present = CheckResult("assertion-missing", bool(text), "a client_assertion", f"{len(text)} characters")
    yield present
    if not present.holds:
        return
    try:
        unverified = UnverifiedJWT.parse(text)
    except MalformedJWT as fault:
        yield CheckResult("assertion-malformed", holds=False, expected=fault.expected, received=fault.received)
        return
    yield CheckResult("assertion-malformed", holds=True, expected="three base64url parts, the first two JSON objects",
                      received="such a text")
    examination = Examination(unverified, now.timestamp(), profile, seen, keys, audiences)
    checks: tuple[Check, ...] = STRUCTURE if keys is None else (*STRUCTURE, KEY, SIGNATURE, *PROVED_CLAIMS)
    for check in checks:
        yield _result(check, examination)


def _result(check: Check, examination: Examination) -> CheckResult:
    if not check.holds(examination):
        refused = refusal_of(check, examination)
        return CheckResult(refused.code, holds=False, expected=refused.expected or "", received=refused.received or "")
    code = examination.profile.algorithm_code if check.code == "assertion-alg" else check.code
    received = {
        "assertion-signature": "one that verifies",
        "assertion-kid-unknown": shown(examination.jwt.header.get("kid")),
    }.get(check.code) or check.received(examination)
    return CheckResult(code, holds=True, expected=check.expected(examination), received=received)


def explain_jwks(data: bytes, rules: KeyRules, profile: AssertionProfile) -> list[CheckResult]:
    """Return every check of a key set: of the set up to the first that fails, then of each key up to its first.

    A key that fails is set aside by the server, which names it when an assertion uses it; a set without one usable
    key is refused (row 21 of application-restricted 6.7).
    """
    results: list[CheckResult] = []
    try:
        members = read_members(data)
        results.append(_set_result(f"a JSON object of at most {MAX_SET_BYTES} bytes with 1 to {MAX_KEYS} keys", f"{len(members)} keys"))
        for position, key in enumerate(members, start=1):
            check_sound(key, position)
        results.append(_set_result("public keys only", "no private member"))
        _check_unique(members)
        results.append(_set_result("every kid once", "no kid twice"))
    except InvalidJWKSet as fault:
        results.append(CheckResult("jwks-unreachable", holds=False, expected=fault.expected, received=fault.received))
        return results
    usable = 0
    for position, key in enumerate(members, start=1):
        found = list(_key_results(key, f"key {position} ({shown(key.get('kid'))})", rules, profile))
        usable += found[-1].holds
        results += found
    results.append(CheckResult("jwks-unreachable", holds=usable > 0, expected="at least one usable key", received=f"{usable} usable keys"))
    return results


def _set_result(expected: str, received: str) -> CheckResult:
    return CheckResult("jwks-unreachable", holds=True, expected=expected, received=received)


def _check_unique(members: list[Any]) -> None:
    names = [key.get("kid") for key in members if isinstance(key.get("kid"), str)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidJWKSet("every kid once", f"two keys with the kid {shown(twice[0])}")


def _key_results(key: Any, name: str, rules: KeyRules, profile: AssertionProfile) -> Iterator[CheckResult]:
    code = "assertion-kid-unknown"
    try:
        for statement, rule in RULES:
            received = rule(key, rules)
            yield CheckResult(code, holds=True, expected=f"{name}: {statement}", received=received)
        parsed = parse_jwk(key, rules)
    except InvalidJWK as fault:
        yield CheckResult(code, holds=False, expected=f"{name}: {fault.expected}", received=fault.received)
        return
    fitting = [alg for alg in sorted(profile.algorithms) if _fits(parsed, alg)]
    yield CheckResult(code, holds=bool(fitting), expected=f"{name}: for {' or '.join(sorted(profile.algorithms))}",
                      received=f"for {' or '.join(fitting)}" if fitting else f"a {parsed.kty} key for {parsed.alg or 'other algorithms'}")


def _fits(key: JWK, alg: str) -> bool:
    try:
        key.for_algorithm(alg)
    except UnsuitableKey:
        return False
    return True
