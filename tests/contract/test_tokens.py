"""Issuing and revoking on every database."""

import json
from datetime import datetime, timedelta

import pytest

from wardgate.audit import Event, EventType, Outcome
from wardgate.stores import Stores
from wardgate.stores.ports import SingleUse, TokenIssue


def issue(now: datetime, jti: str, message_id: str) -> TokenIssue:
    """A token about to leave."""
    return TokenIssue(
        SingleUse("assertion:demo-app", jti, now + timedelta(seconds=300)),
        Event(EventType.TOKEN_ISSUED, now, Outcome.ALLOWED, application="demo-app", message_id=message_id),
        Event(EventType.TOKEN_REFUSED, now, Outcome.REFUSED, "assertion-jti-replayed", "demo-app", message_id),
    )


def test_issue_claims_and_records(stores: Stores, again: Stores, now: datetime) -> None:
    """A first use is recorded as issued, a second as refused; the use is known to others."""
    assert list(stores.tokens.issue([issue(now, "a", "m1"), issue(now, "b", "m2"), issue(now, "a", "m3")])) == [
        True, True, False,
    ]
    assert list(again.tokens.issue([issue(now, "b", "m4")])) == [False]
    types = [json.loads(record.body)["type"] for record in again.audit.read(0, 10)]
    assert types == ["TokenIssued", "TokenIssued", "TokenRefused", "TokenRefused"]
    assert again.single_uses.seen("assertion:demo-app", "a")
    assert again.generation.current() == 0


def test_issue_and_append_share_a_transaction(stores: Stores, event: Event, now: datetime) -> None:
    """Issues come first in the chain, then the events, whose records are returned."""
    firsts, records = stores.tokens.issue_and_append([issue(now, "a", "m1")], [event, event])
    assert list(firsts) == [True]
    assert [record.seq for record in records] == [2, 3]
    assert list(stores.audit.read(1, 10)) == list(records)
    assert stores.tokens.issue_and_append([], []) == ([], [])


def test_nothing_is_claimed_when_the_event_cannot_be_recorded(stores: Stores, now: datetime) -> None:
    """No audit, no answer: the single use is still free afterwards."""
    good = issue(now, "a", "m1")
    bad = TokenIssue(good.use, Event(EventType.TOKEN_ISSUED, now.replace(tzinfo=None)), good.if_replayed)
    with pytest.raises(ValueError, match="time zone"):
        stores.tokens.issue([bad])
    assert stores.audit.head() is None
    assert list(stores.tokens.issue([good])) == [True]


def test_revocation_lasts_as_long_as_the_token(stores: Stores, again: Stores, event: Event, now: datetime) -> None:
    """A revoked id is listed until its end; the later end of two counts; each raises the generation."""
    later = now + timedelta(seconds=600)
    assert stores.tokens.revoke("t-1", later, event) == 1
    assert stores.tokens.revoke("t-1", now + timedelta(seconds=1), event) == 2
    assert stores.tokens.revoke("t-2", now, event) == 3
    assert again.tokens.revoked(now) == {"t-1": later}
    assert again.tokens.purge(now) == 1
    assert again.tokens.revoked(now - timedelta(days=1)) == {"t-1": later}
    assert again.generation.current() == 3
