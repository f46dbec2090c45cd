"""Every table of rows, with what is common to all: `ORDERED` is checked row by row and in order, `SINGLE` one row at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from user_rows.exchange_rows import BEFORE, EXCHANGE_ROWS, MORE_ROWS, Exchange
from user_rows.logout_rows import LOGOUT_ROWS, MORE_LOGOUT_ROWS, Logout
from user_rows.rows import Row, spoilt
from user_rows.sign_in_rows import (
    AUTHORIZE_ROWS,
    CALLBACK_ROWS,
    MORE_AUTHORIZE_ROWS,
    MORE_CALLBACK_ROWS,
    PUSHED_ROWS,
    USERINFO_ROWS,
    Asking,
    Authorization,
    Pushed,
    Return,
)
from user_rows.token_rows import CODE_ROWS, MORE_CODE_ROWS, MORE_REFRESH_ROWS, REFRESH_ROWS, Redemption, Refresh

Table = tuple[Callable[[], Any], Sequence[Row[Any]]]
ORDERED: Mapping[str, Table] = {
    "exchange": (Exchange, EXCHANGE_ROWS), "code": (Redemption, CODE_ROWS), "refresh": (Refresh, REFRESH_ROWS),
    "authorize": (Authorization, AUTHORIZE_ROWS), "pushed": (Pushed, PUSHED_ROWS), "callback": (Return, CALLBACK_ROWS), "logout": (Logout, LOGOUT_ROWS),
}
SINGLE: Mapping[str, Table] = {
    "exchange": (Exchange, (*BEFORE, *MORE_ROWS)), "code": (Redemption, MORE_CODE_ROWS), "refresh": (Refresh, MORE_REFRESH_ROWS),
    "authorize": (Authorization, MORE_AUTHORIZE_ROWS), "callback": (Return, MORE_CALLBACK_ROWS), "userinfo": (Asking, USERINFO_ROWS),
    "logout": (Logout, MORE_LOGOUT_ROWS),
}


def cases() -> Iterator[tuple[str, str, str, Any]]:
    """Yield every request: its id, the row's name and code, and how to make it; the ordered ones alone and with all that follow."""
    for table, (draft, rows) in (*ORDERED.items(), *SINGLE.items()):
        for number, row in enumerate(rows):
            yield f"{table}: {row.name}", row.name, row.code, lambda d=draft, r=rows, n=number: spoilt(d(), r, n, all_later=False)
    for table, (draft, rows) in ORDERED.items():
        for number, row in enumerate(rows):
            yield f"{table}, in order: {row.name}", row.name, row.code, lambda d=draft, r=rows, n=number: spoilt(d(), r, n, all_later=True)


CASES = tuple(cases())
CODES = frozenset(code for _, _, code, _ in CASES)
