"""The stored body of an event in one step: the text of `canonical(redact(event))`, which is what it must equal.

This is on the token endpoint's path, where two passes over every event would be felt. A property test holds the two
together; anything out of the ordinary goes the long way.
"""

from json.encoder import encode_basestring
from typing import Final

from wardgate.audit.canonical import canonical
from wardgate.audit.model import Event, Personal
from wardgate.audit.redact import (
    MAX_DETAILS,
    MAX_NAME_CHARACTERS,
    bounded,
    instant,
    personal_hash,
    redact,
    redact_value,
)

_quote: Final = encode_basestring  # escapes as RFC 8785 section 3.2.2.2 says: no more than JSON requires


def stored_body(event: Event, personal_key: bytes) -> str:
    """Return the canonical JSON of the redacted event. Raises `ValueError` as `redact` and `canonical` do."""
    details = event.details
    if details and not _has_plain_names(event):
        return canonical(redact(event, personal_key))
    parts = []  # in the order of names (RFC 8785 section 3.2.3)
    if event.application is not None:
        parts.append(f'"application":{_quote(bounded(event.application))}')
    parts.append(f'"at":"{instant(event.at)}"')
    if event.correlation_id is not None:
        parts.append(f'"correlation_id":{_quote(bounded(event.correlation_id))}')
    if details:
        inside = ",".join([f"{_quote(name)}:{_value(details[name], personal_key)}" for name in sorted(details)])
        parts.append(f'"details":{{{inside}}}')
    if event.message_id is not None:
        parts.append(f'"message_id":{_quote(bounded(event.message_id))}')
    if event.outcome is not None:
        parts.append(f'"outcome":"{event.outcome.value}"')
    if event.reason is not None:
        parts.append(f'"reason":{_quote(bounded(event.reason))}')
    if event.request_id is not None:
        parts.append(f'"request_id":{_quote(bounded(event.request_id))}')
    parts.append(f'"type":"{event.type.value}"')
    return f"{{{','.join(parts)}}}"


def _has_plain_names(event: Event) -> bool:
    """Return whether the details are few, under short ASCII names, which sort the same in Python and in RFC 8785."""
    names = event.details
    return len(names) <= MAX_DETAILS and "".join(names).isascii() and max(map(len, names)) <= MAX_NAME_CHARACTERS


def _value(value: object, personal_key: bytes) -> str:
    if type(value) is str:
        return _quote(bounded(value))
    if value is None:
        return "null"
    if isinstance(value, Personal):
        return f'{{"hmac_sha256":"{personal_hash(value.value, personal_key)}"}}'
    return canonical(redact_value(value, personal_key))
