"""The one error of this room.

OAuthRefused   a check failed; `code` is its row in the catalogue of refusals, which holds status and wire text

`expected` and `received` are short, redacted by the check that knows what it looks at, and safe to record.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})


class OAuthRefused(Exception):
    """One check of one request failed. `values` fill the placeholders of the row's text."""

    def __init__(
        self, code: str, expected: str | None = None, received: str | None = None, values: Mapping[str, str] = NO_VALUES
    ) -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected
        self.received = received
        self.values = values
