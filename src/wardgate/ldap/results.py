"""Result codes (RFC 4511 appendix A) and names of what is offered (RFC 4511, 2696, 3673, 4526)."""

from enum import IntEnum
from typing import Final


class Code(IntEnum):
    """Every result that is answered here."""

    SUCCESS = 0
    PROTOCOL_ERROR = 2
    TIME_LIMIT_EXCEEDED = 3
    SIZE_LIMIT_EXCEEDED = 4
    AUTH_METHOD_NOT_SUPPORTED = 7
    ADMIN_LIMIT_EXCEEDED = 11
    UNAVAILABLE_CRITICAL_EXTENSION = 12
    INAPPROPRIATE_MATCHING = 18
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INVALID_CREDENTIALS = 49
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53
    OTHER = 80


PAGED_RESULTS: Final = "1.2.840.113556.1.4.319"
DISCONNECTION: Final = "1.3.6.1.4.1.1466.20036"
ALL_OPERATIONAL: Final = "1.3.6.1.4.1.4203.1.5.1"
TRUE_FALSE_FILTERS: Final = "1.3.6.1.4.1.4203.1.5.3"
NO_ATTRIBUTES: Final = "1.1"
