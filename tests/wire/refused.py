"""What a refusal looks like on the wire: the catalogue's status, headers and body, and nothing else."""

import json
from typing import Any

from wardgate.refusals import Refusal, reason
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect, body
from wardgate.security_patterns.snapshot import Snapshot
from wire.caller import Answer
from wire.cast import CHANGES, GOOD_ID, Cast

HSTS = "max-age=31536000; includeSubDomains"
TRACE = [("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "corr-1")]
NOT_MADE_HERE = frozenset({"content-length", "date", "connection", "server"})


def expected_body(code: str, dialect: Dialect, values: dict[str, str], message_id: str) -> Any:
    """Return the body the catalogue says."""
    return body(dialect, reason(code), Refusal(reason(code), values=values).fill, message_id)


def assert_refused(answer: Answer, code: str, dialect: Dialect, values: dict[str, str], *, request_id: str | None = GOOD_ID,
                   allow: str | None = None, correlation_id: str | None = "corr-1") -> None:
    """Hold status, every header and the whole body against the catalogue."""
    expected = reason(code)
    headers = {name: value for name, value in answer.headers.items() if name not in NOT_MADE_HERE}
    given = headers.pop("x-request-id", None)
    if request_id is not None:
        assert given == request_id
    elif given is not None:
        assert len(given) == 36
    filled = {name.lower(): value.replace("{error}", expected.error).replace("{text}", expected.text) for name, value in expected.headers}
    assert headers == {
        "x-wardgate-reason": code, "strict-transport-security": HSTS, "cache-control": "no-store", "content-type": CONTENT_TYPES[dialect],
        **({"x-correlation-id": correlation_id} if correlation_id else {}), **({"allow": allow} if allow else {}), **filled,
    }
    assert answer.status == expected.status
    found = json.loads(answer.body)
    message_id = found.get("instance", "").removeprefix("urn:wardgate:message:")
    assert found == expected_body(code, dialect, values, message_id)
    assert dialect is not Dialect.PROBLEM or len(message_id) == 36


def changed(cast: Cast, snapshot: Snapshot, changes: tuple[str, ...]) -> Snapshot:
    """Return the world after these changes."""
    for name in changes:
        snapshot = CHANGES[name](snapshot, cast)
    return snapshot
