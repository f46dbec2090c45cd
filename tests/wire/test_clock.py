"""The virtual clock on the wire: Envoy's own filter goes by the real time, so it judges tokens only while the clock does as well."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from wire.caller import Answer, Caller
from wire.cast import Cast

EXPIRED = b'"faultstring": "Access Token expired"'
AHEAD = timedelta(hours=1, minutes=58)
"""Within the two hours that the cast's tokens are good, and past what the early ones wait for."""


def _call(send: Caller, cast: Cast, token: str) -> Answer:
    return send.kept("https").send("GET", "/hello-world/jwt", [("Authorization", f"Bearer {cast.tokens[token]}")])


@pytest.mark.parametrize(("ahead", "token", "reason"), [
    (timedelta(0), "good", None), (timedelta(0), "early", "access-token-unknown"), (timedelta(0), "early-forged", "access-token-unknown"),
    (timedelta(0), "early-expired", "access-token-unknown"),
    (AHEAD, "good", None), (AHEAD, "early", None), (AHEAD, "early-forged", "access-token-unknown"), (AHEAD, "expired", "access-token-expired"),
    (timedelta(hours=3), "good", "access-token-expired"), (timedelta(hours=3), "early", "access-token-expired"),
])
def test_a_token_is_judged_by_the_clock_in_force(ahead: timedelta, token: str, reason: str | None, cast: Cast, plane: Any, send: Caller) -> None:
    """Over an open connection, within the time that any change takes: valid, early or expired by the virtual clock, and after it by the real one."""
    plane.publish(replace(cast.snapshot(plane.backend_url), clock_shift=ahead))
    answer = _call(send, cast, token)
    assert (answer.reason, answer.status) == (reason, 401 if reason else 200), answer.body
    plane.publish(cast.snapshot(plane.backend_url))
    assert _call(send, cast, "good").status == 200


def test_an_expired_token_is_told_in_the_documented_words(cast: Cast, plane: Any, send: Caller) -> None:
    """The decision service says of a token what Envoy says of one (user-restricted 9)."""
    plane.publish(replace(cast.snapshot(plane.backend_url), clock_shift=timedelta(hours=3)))
    answer = _call(send, cast, "good")
    assert answer.body.replace(b'":"', b'": "').find(EXPIRED) > 0
    assert "access_token_expired" in answer.headers["www-authenticate"]
