"""The stored body of an event: redacted, bounded, canonical."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.audit import Event, EventType, Outcome, Personal
from wardgate.audit.body import stored_body
from wardgate.audit.canonical import canonical
from wardgate.audit.redact import MAX_TEXT_CHARACTERS, bounded, instant, personal_hash, redact

NOW = datetime(2026, 11, 21, 9, 30, 0, 5, tzinfo=UTC)
KEY = b"p" * 32
EVENT = Event(EventType.CALL_REFUSED, NOW, Outcome.REFUSED, "api-key-missing", "demo-app", "m", "r", "c")

texts = st.text(max_size=600) | st.text(alphabet="x", min_size=500, max_size=530) | st.characters(categories=["Cs"])
details = st.dictionaries(
    texts, texts | st.integers() | st.booleans() | st.none() | st.builds(Personal, texts), max_size=8
)
events = st.builds(
    Event, st.sampled_from(EventType), st.datetimes(timezones=st.timezones()), st.none() | st.sampled_from(Outcome),
    *[st.none() | texts] * 5, details,
)


@given(event=events)
def test_fast_form_is_the_canonical_form(event: Event) -> None:
    """One step or two, the same text, for any event; and it can be stored as UTF-8."""
    body = stored_body(event, KEY)
    assert body == canonical(redact(event, KEY))
    assert json.loads(body.encode()) == redact(event, KEY)


@given(event=events)
def test_size_is_bounded(event: Event) -> None:
    """No text of an event is longer than the limit, and nothing personal is in clear."""
    def check(value: Any) -> None:
        if isinstance(value, str):
            assert len(value) <= MAX_TEXT_CHARACTERS
        elif isinstance(value, dict):
            for name, item in value.items():
                check(name)
                check(item)
    check(json.loads(stored_body(event, KEY)))


def test_full_text_of_a_body() -> None:
    """Names in order, no spaces, absent fields left out."""
    event = replace(EVENT, request_id=None, details={"path": "/a b", "n": 1, "ok": True, "none": None})
    assert stored_body(event, KEY) == (
        '{"application":"demo-app","at":"2026-11-21T09:30:00.000005Z","correlation_id":"c",'
        '"details":{"n":1,"none":null,"ok":true,"path":"/a b"},"message_id":"m","outcome":"refused",'
        '"reason":"api-key-missing","type":"CallRefused"}'
    )


def test_personal_value_is_hashed_with_the_key() -> None:
    """The same person is the same hash under one key and another under another; the value is not there."""
    event = replace(EVENT, details={"patient": Personal("9990000001")})
    body, other = stored_body(event, KEY), stored_body(event, b"q" * 32)
    assert "9990000001" not in body
    assert body != other
    assert json.loads(body)["details"]["patient"] == {"hmac_sha256": personal_hash("9990000001", KEY)}


def test_text_cannot_pretend_to_be_a_hash() -> None:
    """A hash is an object; text that looks like one stays text."""
    event = replace(EVENT, details={"patient": '{"hmac_sha256":"00"}'})
    assert json.loads(stored_body(event, KEY))["details"]["patient"] == '{"hmac_sha256":"00"}'


@pytest.mark.parametrize(("length", "kept"), [(512, "x" * 512), (513, "x" * 490 + "…[23 cut]"), (10**6, "x" * 490 + "…[999510 cut]")])
def test_long_text_is_cut_with_a_mark(length: int, kept: str) -> None:
    """The mark says how much is missing."""
    assert bounded("x" * length) == kept


def test_many_details_are_cut_with_a_mark() -> None:
    """Sixty-four are kept, and how many were not."""
    body = json.loads(stored_body(replace(EVENT, details={f"d{n}": n for n in range(100)}), KEY))
    assert len(body["details"]) == 65
    assert body["details"]["details_cut"] == 36


def test_large_integer_becomes_text() -> None:
    """Beyond 2^53 - 1 readers of JSON disagree about the value."""
    assert json.loads(stored_body(replace(EVENT, details={"n": 2**53}), KEY))["details"]["n"] == str(2**53)


def test_float_is_refused() -> None:
    """No event has one, and its canonical text is not ours to choose."""
    with pytest.raises(TypeError, match="float"):
        stored_body(replace(EVENT, details={"n": 1.5}), KEY)  # type: ignore[dict-item]


def test_time_is_utc() -> None:
    """Any zone is written as UTC with microseconds; a time without a zone is refused."""
    assert instant(datetime(2026, 1, 1, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))) == "2026-01-01T00:00:00.000000Z"
    with pytest.raises(ValueError, match="time zone"):
        instant(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
