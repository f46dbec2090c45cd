"""Limits that are exceeded, on the wire: the whole answer, in each dialect."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from wardgate.quotas import RateLimits
from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect
from wardgate.security_patterns.snapshot import Snapshot
from wire.caller import Answer, Caller
from wire.cast import GOOD_ID, Cast, key_of
from wire.refusal_rows import LIMITED, SHAPES, TO_KEY
from wire.refused import HSTS, NOT_MADE_HERE, TRACE, changed, expected_body


def limited(cast: Cast, snapshot: Snapshot, code: str) -> Snapshot:
    """Return the world with one limit so low that the second request exceeds it."""
    row = LIMITED[code]
    if "api" in row:
        return replace(snapshot, apis=tuple(api.model_copy(update={"limits": RateLimits.model_validate(row["api"])}) for api in snapshot.apis))
    limits = {api.name: RateLimits.model_validate(row["application"]) for api in snapshot.apis}
    return replace(snapshot, clients=dict(snapshot.clients) | {"alpha": replace(snapshot.clients["alpha"], limits=limits)})


@pytest.mark.parametrize("dialect", list(SHAPES))
@pytest.mark.parametrize("code", list(LIMITED))
def test_an_exceeded_limit_is_explained(code: str, dialect: Dialect, cast: Cast, shared_plane: Any, send: Caller) -> None:
    """The platform's eight members with the limit of this application, Retry-After, and RateLimit headers; FHIR in its shape."""
    shared_plane.publish(limited(cast, cast.snapshot(shared_plane.backend_url), code))
    headers = [("apikey", key_of("alpha")), *TRACE]
    first = send.kept("https").send("GET", TO_KEY[dialect], headers)
    assert first.status == 200
    before = time.time()
    answer = send.kept("https").send("POST", TO_KEY[dialect], headers, b"a body")
    assert_limited(answer, code, dialect, before)
    head = send.kept("https").send("HEAD", TO_KEY[dialect], headers)
    assert (head.status, head.reason) == (429, code)
    assert send.kept("https").send("GET", "/hello-world/open").status in {200, 429}, "a HEAD leaves the connection in step"


def assert_limited(answer: Answer, code: str, dialect: Dialect, before: float) -> None:
    """Hold an explained 429 against application-restricted 9."""
    row, expected = LIMITED[code], reason(code)
    wait = str(row["wait"])
    headers = {name: value for name, value in answer.headers.items() if name not in NOT_MADE_HERE}
    assert headers == {
        "x-wardgate-reason": code, "strict-transport-security": HSTS, "cache-control": "no-store", "content-type": CONTENT_TYPES[dialect],
        "x-correlation-id": "corr-1", "x-request-id": GOOD_ID, "retry-after": wait,
        "ratelimit-limit": str(row["limit"]), "ratelimit-remaining": "0", "ratelimit-reset": wait,
    }
    values = {"application": "alpha", "limit": str(row["limit"]), "interval": "1", "timeunit": "minute"}
    found = json.loads(answer.body)
    assert answer.status == 429
    if dialect is Dialect.FAULT:
        expiry = found.pop("ratelimiting_expiry_time_ms") / 1000
        assert -0.01 < expiry - before - row["wait"] < 10  # whole milliseconds
        assert len(found.pop("message_id")) == 36
        assert found == {"message": Refusal(expected, values=values).fill(expected.text), "scope": row["scope"], "policy": row["policy"],
                         "limit": row["limit"], "interval": 1, "timeunit": "minute"}
    else:
        message_id = found.get("instance", "").removeprefix("urn:wardgate:message:")
        assert found == expected_body(code, dialect, values, message_id)


@pytest.mark.parametrize(("change", "code"), [
    ("alpha's quota at hello spent", "application-quota-exceeded"), ("the quota of hello spent", "api-quota-exceeded"),
])
def test_a_long_quota_says_when_it_ends(change: str, code: str, cast: Cast, shared_plane: Any, send: Caller) -> None:
    """Windows longer than a minute are counted in the store; the answer waits until their end."""
    shared_plane.publish(changed(cast, cast.snapshot(shared_plane.backend_url), (change,)))
    answer = send.kept("https").send("GET", "/hello-world/key", [("apikey", key_of("alpha"))])
    assert (answer.status, answer.reason) == (429, code)
    assert 7100 < int(answer.headers["retry-after"]) <= 7200
