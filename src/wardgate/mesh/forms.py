"""Ids, times and media types as MESH writes them (itk3-messaging 5.1 to 5.4)."""

import re
from datetime import UTC, datetime
from typing import Final

ID_RANDOM_BYTES: Final = 3
MESSAGE_ID: Final = re.compile(r"[A-Z0-9_-]{1,100}", re.ASCII)
"""After the server's capitals. Opaque otherwise (5.4)."""
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
"""What no text may have."""
TOKEN_TIME: Final = "%Y%m%d%H%M"  # noqa: S105 - a form of time
STATUS_TIME: Final = "%Y%m%d%H%M%S"


def message_id(now: datetime, random: bytes) -> str:
    """Return the id of a new message: `yyyyMMddHHmmssffffff_` and six hex digits of three random octets (5.4). Raises `ValueError` for others."""
    if len(random) != ID_RANDOM_BYTES:
        raise ValueError(f"expected {ID_RANDOM_BYTES} random octets, received {len(random)}")
    return f"{now.astimezone(UTC):%Y%m%d%H%M%S%f}_{random.hex().upper()}"


def status_time(at: datetime | None) -> str:
    """Return `yyyyMMddHHmmss` in UTC, or nothing for no time."""
    return "" if at is None else at.astimezone(UTC).strftime(STATUS_TIME)


def iso_time(at: datetime | None) -> str | None:
    """Return the time as version 2 writes it."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
