"""Every row of the tables of errors for users, on the wire: through Envoy to `wardgate up`, and explained by `wardgate explain`.

user-restricted 2.2, 2.3, 3.3, 4.1, 4.3 to 4.5, 7.1 and 7.2; the rows are those of the server in one process (`tests/flows/users`).
"""

from collections.abc import Callable
from typing import Any

import pytest

from user_rows.checking import check, secrets_of
from user_rows.tables import CASES, CODES
from wardgate.refusals import CATALOGUE, Area


@pytest.mark.parametrize(("name", "code", "draft"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_row_on_the_wire(place: Any, name: str, code: str, draft: Callable[[], Any]) -> None:
    """The row's status and words leave, whole; one event of that request has the reason, and nothing secret is in either."""
    check(place, name, code, draft().send(place))


def test_every_reason_is_met_on_the_wire() -> None:
    """A row that is added to the catalogue fails here until a request produces it."""
    wanted = {row.code for row in CATALOGUE.values() if row.area in {Area.USER_TOKENS, Area.SIGN_IN}}
    assert wanted
    assert wanted <= CODES


def test_nothing_of_it_is_written_down(place: Any) -> None:
    """Of whatever was asked before this, and of good and bad requests now: no secret, token, code, state or person is in a log or in the record."""
    for number, (_, _, _, draft) in enumerate(CASES):
        if number % 20 == 0:
            draft().send(place)
            place.restore()
    for tokens in (place.tokens(), place.tokens(scope="nhs-login"), place.exchange().json, place.tokens(standing="strict")):
        assert place.userinfo(tokens["access_token"]).status in {200, 400}
    assert place.logout(place.cis2.logout_token()).status == 200
    assert len(place.seen) > 60
    written = place.written()
    assert {"record", "wardgate.log", "access.log"} <= set(written)
    assert written["record"].count("\n") > 30
    for where, text in written.items():
        for secret in (*place.seen, *secrets_of(place)):
            assert secret not in text, (where, secret[:40])
    assert place.wardgate.done("audit", "verify")["intact"]
