"""The whole of a token's examination, whatever its variant; and the same told check by check, for the doctor."""

from collections.abc import Iterator
from datetime import datetime

from wardgate.oauth.explain import CheckResult
from wardgate.refusals import Refusal
from wardgate.spine import checks, gp_connect
from wardgate.spine.errors import SpineRefused
from wardgate.spine.stated import Expected, Stated
from wardgate.spine.unsecured import UnsecuredClaims


def examine(authorization: str | None, expected: Expected, now: datetime, *, trusted_hop: bool = False) -> Stated:
    """Return what an Authorization header states, once every row holds that needs no other header. Raises `SpineRefused`.

    The caller still owes `check_from_asid`, and `check_scopes` where the variant's scopes are INCLUDED.
    """
    if expected.variant.is_gp_connect:
        return gp_connect.check(gp_connect.read(authorization, trusted_hop=trusted_hop), expected, now)
    return checks.check(checks.read(authorization, trusted_hop=trusted_hop, refusals=expected.variant.refusals), expected, now)


def explain(authorization: str | None, expected: Expected, now: datetime, *, trusted_hop: bool = False) -> list[CheckResult]:
    """Return every check in the order of `examine`, up to and including the first that does not hold. Nothing personal is in it."""
    results: list[CheckResult] = []
    prefix = expected.variant.refusals
    form = "the form of the token"
    try:
        token = _read(authorization, expected, trusted_hop=trusted_hop)
    except SpineRefused as refused:
        return [_failed(refused.refusal)]
    results.append(CheckResult(f"{prefix}-missing", holds=True, expected=form, received=form))
    for result in _rows(token, expected, now):
        results.append(result)
        if not result.holds:
            break
    return results


def _read(authorization: str | None, expected: Expected, *, trusted_hop: bool) -> UnsecuredClaims:
    if expected.variant.is_gp_connect:
        return gp_connect.read(authorization, trusted_hop=trusted_hop)
    return checks.read(authorization, trusted_hop=trusted_hop, refusals=expected.variant.refusals)


def _rows(token: UnsecuredClaims, expected: Expected, now: datetime) -> Iterator[CheckResult]:
    prefix = expected.variant.refusals
    if expected.variant.is_gp_connect:
        gp = gp_connect.Reading(token, expected, now.timestamp())
        for found in gp_connect.CHECKS:
            refusal = gp_connect.refusal_of(found, gp)
            yield CheckResult(f"{prefix}-{found.row}", holds=True, expected=found.expected, received="it holds") if refusal is None else _failed(refusal)
        return
    reading = checks.Reading(token, expected, now.timestamp())
    for row in checks.CHECKS:
        if row.holds(reading):
            yield CheckResult(f"{prefix}-{row.row}", holds=True, expected=row.expected(reading), received="it holds")
        else:
            yield _failed(checks.refusal_of(row, reading))


def _failed(refusal: Refusal) -> CheckResult:
    return CheckResult(refusal.reason.code, holds=False, expected=refusal.expected or "", received=refusal.received or "")
