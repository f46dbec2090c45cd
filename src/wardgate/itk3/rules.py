"""How strict a reader is, and what it accepts: settings of a receiver, with the values of the national service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from wardgate.itk3.codes import DEFINITIONS, EVENTS

MAX_BYTES: Final = 5 * 1024 * 1024
"""What is recommended at most: larger is answered with 20015 (1.8)."""
MAX_ENTRIES: Final = 2_000
APPROVED_TYPES: Final = frozenset({
    "application/pdf", "application/msword", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "application/rtf", "text/rtf",
    "text/html", "text/plain", "text/xml", "image/jpeg", "image/jpg", "image/png", "image/tiff",
})
"""The types that general practice systems can be expected to show."""

FLAGS: Final[Mapping[str, tuple[bool, bool]]] = MappingProxyType({"ITK007C": (True, True)})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a message must be to be read."""

    max_bytes: int = MAX_BYTES
    max_entries: int = MAX_ENTRIES
    """Of the message and of its payload, together."""
    strict: bool = True
    """false: keys, elements and entries that should not be there are passed over, and a warning says so."""
    events: Mapping[str, str] = field(default_factory=lambda: EVENTS)
    definitions: Mapping[str, frozenset[int]] = field(default_factory=lambda: DEFINITIONS)
    other_definitions: frozenset[str] = frozenset()
    """Absolute URLs of definitions that were agreed locally."""
    local_keys: frozenset[str] = frozenset()
    """Further keys of the handling extension that were agreed locally."""
    flags: Mapping[str, tuple[bool, bool]] = field(default_factory=lambda: FLAGS)
    """By event: what BusAckRequested and InfAckRequested must be, where a payload's specification says so."""
    approved_types: frozenset[str] = APPROVED_TYPES
    """The types of attachments that the business domain approves; others are answered with 20004."""
    supported_types: frozenset[str] = APPROVED_TYPES
    """The types of attachments that this receiver can show; others are answered with 20005."""


NATIONAL: Final = Rules()
