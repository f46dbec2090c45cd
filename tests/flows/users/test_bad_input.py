"""Bad input against the server in one process: each refused with its documented error, recorded, and without effect."""

from collections.abc import Callable
from typing import Any

import pytest

from user_rows.bad_input import BAD_INPUT
from user_rows.checking import check


@pytest.mark.parametrize(("name", "code", "case"), BAD_INPUT, ids=[row[0][:80] for row in BAD_INPUT])
def test_bad_input_is_refused(place: Any, name: str, code: str, case: Callable[[Any], Any]) -> None:
    """With the row's words, and nothing secret in the record."""
    check(place, name, code, case(place))
