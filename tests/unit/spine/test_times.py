"""The times of a token: whole seconds, and three rules that are settings (spine 2.3)."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from wardgate.refusals import Refusal
from wardgate.spine import authorization
from wardgate.spine.errors import SpineRefused
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.stated import Expected
from wardgate.spine.times import NOT_LOOKED_AT, TimeRules, is_time
from wardgate.spine.unsecured import compact
from wardgate.spine.variants import VARIANTS, VariantName

Claims = dict[str, Any]


def expected_of(directory: Any, **more: Any) -> Expected:
    """Return what a route that reads pointers expects."""
    return Expected(VARIANTS[VariantName.NRL], directory, find("urn:nhs:names:services:nrl:DocumentReference.read"), **more)


def refused(claims: Claims, expected: Expected, now: datetime, trusted_hop: bool = False) -> Refusal:
    """Return the refusal of these claims as they come in a header."""
    with pytest.raises(SpineRefused) as caught:
        authorization.examine("Bearer " + compact(claims), expected, now, trusted_hop=trusted_hop)
    return caught.value.refusal


@pytest.mark.parametrize(("iat", "exp", "rules", "row"), [
    (0, 300, TimeRules(), None), (200, 500, TimeRules(), None), (300, 600, TimeRules(), None), (301, 601, TimeRules(), "time"), (-330, -30, TimeRules(), None),
    (-331, -31, TimeRules(), "time"), (-600, -300, TimeRules(), "time"), (0, 299, TimeRules(), "lifetime"), (0, 301, TimeRules(), "lifetime"), (0, -1, TimeRules(), "lifetime"),
    (-9_000, -8_000, NOT_LOOKED_AT, None), (9_000, 0, NOT_LOOKED_AT, None), (-600, -300, TimeRules(reject_expired=False), None),
    (1, 301, TimeRules(iat_ahead_seconds=0), "time"), (0, 90, TimeRules(lifetime_exact_seconds=90), None), (-300, 0, TimeRules(exp_grace_seconds=0), None),
    (-301, -1, TimeRules(exp_grace_seconds=0), "time"),
])
def test_times(iat: int, exp: int, rules: TimeRules, row: str | None, claims: Claims, directory: Any, now: datetime) -> None:
    """Seconds from now; every rule is a setting, and its edge is inside."""
    seconds = int(now.timestamp())
    stated = claims | {"iat": seconds + iat, "exp": seconds + exp}
    expected = expected_of(directory, times=rules)
    if row is None:
        assert authorization.examine("Bearer " + compact(stated), expected, now).asid
    else:
        assert refused(stated, expected, now).reason.code == f"spine-jwt-{row}"


@pytest.mark.parametrize(("seconds", "words"), [(300, "5 minutes"), (60, "1 minute"), (90, "90 seconds"), (1, "1 second")])
def test_lifetimes_in_words(seconds: int, words: str) -> None:
    """As the answer says them."""
    assert TimeRules(lifetime_exact_seconds=seconds).lifetime == words


def test_times_may_be_missing_behind_a_trusted_hop(claims: Claims, directory: Any, now: datetime) -> None:
    """And are refused at the edge; one that is there is looked at."""
    del claims["exp"], claims["iat"]
    expected = expected_of(directory)
    assert authorization.examine("Bearer " + compact(claims), expected, now, trusted_hop=True).asid == "200000100001"
    assert refused(claims, expected, now).values == {"claim": "iat"}
    late = int((now - timedelta(minutes=10)).timestamp())
    assert refused(claims | {"exp": late}, expected, now, trusted_hop=True).reason.code == "spine-jwt-time"
    assert refused(claims | {"iat": "0"}, expected, now, trusted_hop=True).values == {"claim": "iat"}


@pytest.mark.parametrize(("value", "holds"), [
    (0, True), (253_402_300_799, True), (253_402_300_800, False), (-1, False), (True, False), (1.0, False), ("1", False), (None, False), (10**4000, False), ([1], False)])
def test_what_a_time_is(value: object, holds: bool) -> None:
    """A whole JSON number until the end of the year 9999."""
    assert is_time(value) is holds
