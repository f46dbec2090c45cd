"""Tokens that were issued under a virtual clock, and tokens judged under one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AHEAD = timedelta(hours=12)
LATER = int((NOW + AHEAD).timestamp())


@pytest.mark.parametrize(("now", "claims", "reason"), [
    (NOW, {"nbf": LATER, "exp": LATER + 600}, "access-token-unknown"),
    (NOW + AHEAD, {"nbf": LATER, "exp": LATER + 600}, None),
    (NOW + AHEAD - timedelta(seconds=1), {"nbf": LATER, "exp": LATER + 600}, None),
    (NOW + AHEAD - timedelta(seconds=2), {"nbf": LATER, "exp": LATER + 600}, "access-token-unknown"),
    (NOW + AHEAD + timedelta(seconds=602), {"nbf": LATER, "exp": LATER + 600}, "access-token-expired"),
    (NOW + timedelta(minutes=11), {}, "access-token-expired"),
    (NOW, {"nbf": LATER, "exp": int(NOW.timestamp()) - 30}, "access-token-unknown"),
    (NOW, {"nbf": "soon"}, "access-token-unknown"),
])
def test_a_token_has_its_time(book: Any, now: datetime, claims: dict[str, Any], reason: str | None) -> None:
    """Not before `nbf`, with the second of leeway that Envoy has, nor after `exp`: the first is told as a token that nobody knows."""
    decision = book.ask("/hello/jwt", token=book.token(**claims), now=now)
    assert (decision.refusal.reason.code if decision.refusal else None) == reason


def test_the_time_is_told_before_the_signature(book: Any) -> None:
    """As Envoy does: a forged token that is early is early."""
    decision = book.ask("/hello/jwt", token=book.token(nbf=LATER, exp=LATER + 600, signer=book.forger))
    assert decision.refusal is not None
    assert decision.refusal.expected == "nbf that has come"
