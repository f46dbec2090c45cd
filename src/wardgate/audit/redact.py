"""An event as a JSON object that is safe to store: bounded, and without anything about a person in clear."""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from wardgate.audit.model import Event, Personal

MAX_TEXT_CHARACTERS: Final = 512
MAX_DETAILS: Final = 64
MAX_NAME_CHARACTERS: Final = 64
MAX_INTEGER: Final = 2**53 - 1

_KEEP_CHARACTERS: Final = 490

JSONValue = str | int | bool | None | Mapping[str, "JSONValue"]


def redact(event: Event, personal_key: bytes) -> dict[str, JSONValue]:
    """Return the stored form of `event`: absent fields left out, `Personal` values as keyed hashes.

    Raises `ValueError` when `event.at` has no time zone.
    """
    body: dict[str, JSONValue] = {"type": event.type.value, "at": instant(event.at)}
    if event.outcome is not None:
        body["outcome"] = event.outcome.value
    if event.reason is not None:
        body["reason"] = bounded(event.reason)
    if event.application is not None:
        body["application"] = bounded(event.application)
    if event.message_id is not None:
        body["message_id"] = bounded(event.message_id)
    if event.request_id is not None:
        body["request_id"] = bounded(event.request_id)
    if event.correlation_id is not None:
        body["correlation_id"] = bounded(event.correlation_id)
    if event.details:
        body["details"] = _details(event.details, personal_key)
    return body


def instant(at: datetime) -> str:
    """Return RFC 3339 in UTC with microseconds. Raises `ValueError` for a time without a zone."""
    zone = at.tzinfo
    if zone is None:
        raise ValueError("an event's time needs a time zone")
    if zone is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def bounded(text: str) -> str:
    """Return `text` within 512 characters and valid as UTF-8; what was cut off is counted in a mark."""
    if len(text) <= MAX_TEXT_CHARACTERS and text.isascii():
        return text
    if len(text) > MAX_TEXT_CHARACTERS:
        text = f"{text[:_KEEP_CHARACTERS]}…[{len(text) - _KEEP_CHARACTERS} cut]"
    return text.encode("utf-8", "replace").decode()


def personal_hash(value: str, personal_key: bytes) -> str:
    """Return the keyed hash that stands for a personal value, to look for one person's events."""
    return hmac.digest(personal_key, value.encode("utf-8", "surrogatepass"), "sha256").hex()


def _details(details: Mapping[str, object], personal_key: bytes) -> dict[str, JSONValue]:
    kept = details.items() if len(details) <= MAX_DETAILS else list(details.items())[:MAX_DETAILS]
    body = {_name(name): redact_value(value, personal_key) for name, value in kept}
    if len(details) > MAX_DETAILS:
        body["details_cut"] = len(details) - MAX_DETAILS
    return body


def _name(name: str) -> str:
    return name if len(name) <= MAX_NAME_CHARACTERS and name.isascii() else bounded(name[:MAX_NAME_CHARACTERS])


def redact_value(value: object, personal_key: bytes) -> JSONValue:
    """Return the stored form of one detail. Raises `TypeError` for anything but text, integers, booleans and null."""
    if isinstance(value, str):
        return bounded(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Personal):
        return {"hmac_sha256": personal_hash(value.value, personal_key)}
    if isinstance(value, int):
        return value if -MAX_INTEGER <= value <= MAX_INTEGER else bounded(str(value))
    raise TypeError(f"an event's detail cannot be a {type(value).__name__}")
