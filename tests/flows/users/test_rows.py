"""Every row of the tables of errors, against the server in one process: each alone, and each with all that follow it."""

from collections.abc import Callable
from typing import Any

import pytest

from user_rows.checking import check
from user_rows.tables import CASES


@pytest.mark.parametrize(("name", "code", "draft"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_row_is_answered_and_recorded(place: Any, name: str, code: str, draft: Callable[[], Any]) -> None:
    """The row's status and words leave, whole, as JSON or with the browser; one event has the reason, and nothing secret is in either."""
    check(place, name, code, draft().send(place))
