"""Bad input of the endpoints of users on the wire: addresses, forged tokens, key sets, too much, twice, in another encoding."""

from collections.abc import Callable
from typing import Any

import pytest

from user_rows.bad_input import BAD_INPUT
from user_rows.checking import check, secrets_of


@pytest.mark.parametrize(("name", "code", "case"), BAD_INPUT, ids=[row[0][:80] for row in BAD_INPUT])
def test_bad_input_is_refused_on_the_wire(place: Any, name: str, code: str, case: Callable[[Any], Any]) -> None:
    """With the row's words, whole; explained; nowhere is anybody redirected."""
    answer = case(place)
    assert "location" not in answer.headers
    check(place, name, code, answer)


def test_nothing_of_it_is_written_down(place: Any) -> None:
    """What is sent is not in a log or in the record, be it good or bad."""
    for _, _, case in BAD_INPUT[::15]:
        case(place)
        place.restore()
    assert len(place.seen) > 20
    for where, text in place.written().items():
        for secret in (*place.seen, *secrets_of(place)):
            assert secret not in text, (where, secret[:40])
