"""Times in tokens that anybody can write: JSON has numbers that no clock shows, and nothing of it was signed by us."""

from typing import Any

import pytest

from wardgate.jose import base64url

HEADER = base64url.encode(b'{"alg":"ES256","typ":"at+jwt","kid":"x"}')
SIGNATURE = "A" * 85 + "A"
TIMES = ["-1e999", "1e999", "-1e308", "1e308", "-" + "9" * 400, "9" * 400, "-0.0", "true", "null", '"0"', "[]", "{}"]


def _forged(payload: str) -> str:
    return f"{HEADER}.{base64url.encode(payload.encode())}.{SIGNATURE}"


@pytest.mark.parametrize("claim", ["exp", "nbf"])
@pytest.mark.parametrize("time", TIMES, ids=[text[:8] for text in TIMES])
def test_a_time_that_is_none(book: Any, claim: str, time: str) -> None:
    """Refused in words; a number too large for a clock is no failure of ours."""
    decision = book.ask("/hello/jwt", token=_forged(f'{{"{claim}":{time}}}'))
    assert not decision.allowed
    assert decision.refusal.reason.code in {"access-token-expired", "access-token-unknown"}
