"""Pages of an inbox, by key: a page costs what it holds, however much waits. A filter looks at so many messages a page at most."""

import hmac
from typing import Any, Final

from wardgate.mesh.workflow_filter import How, WorkflowFilter
from wardgate.stores.mailboxes import InboxPage
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.mailboxes_hot import MailboxStatements
from wardgate.stores.sql.mailboxes_schema import WAITING

LOOKED_AT: Final = 10_000
"""How many messages a filter is held against for one page."""
_DIGITS: Final = 16

_AFTER: Final = f"FROM mailbox_messages WHERE recipient = ? AND {WAITING} AND position > ? ORDER BY position LIMIT ?"
_ALL: Final = f"SELECT id, position {_AFTER}"
_WINDOW: Final = f"SELECT id, position FROM (SELECT id, position, workflow {_AFTER}) AS looked WHERE {{}} ORDER BY position LIMIT ?"  # noqa: S608
_END: Final = f"SELECT position {_AFTER} OFFSET ?"
_COUNT: Final = "SELECT waiting FROM mailbox_counts WHERE mailbox = ?"


def condition_of(filtered: WorkflowFilter, *, is_sqlite: bool) -> tuple[str, tuple[Any, ...]]:
    """Return a filter as a condition on `workflow`, with its values; letters count as they are."""
    conditions: dict[How, tuple[str, tuple[Any, ...]]] = {
        How.IS: ("workflow = ?", (filtered.text,)),
        How.BEGINS: ("substr(workflow, 1, ?) = ?", (len(filtered.text), filtered.text)),
        How.CONTAINS: ("instr(workflow, ?) > 0" if is_sqlite else "strpos(workflow, ?) > 0", (filtered.text,)),
    }
    condition, values = conditions[filtered.how]
    return f"NOT ({condition})" if filtered.negated else condition, values


def page(
    context: Context, statements: MailboxStatements, driver: Any, mailbox: str, after: str | None, limit: int, filtered: WorkflowFilter | None,
) -> InboxPage:
    """Return a page. Raises `ValueError` for an `after` that no page of this mailbox gave."""
    start = 0 if after is None else position_of(context, mailbox, after)
    if filtered is None:
        found = statements.pairs(driver, _ALL, (mailbox, start, limit + 1))
    else:
        condition, values = condition_of(filtered, is_sqlite=context.database.is_sqlite)
        found = statements.pairs(driver, _WINDOW.format(condition), (mailbox, start, LOOKED_AT, *values, limit + 1))
    last: int | None = None
    if len(found) > limit:
        last = found[limit - 1][1]
    elif filtered is not None:
        end = statements.rows(driver, _END, (mailbox, start, 1, LOOKED_AT - 1))
        last = end[0][0] if end else None
    waiting = waiting_in(statements, driver, mailbox)
    return InboxPage(tuple(message_id for message_id, _ in found[:limit]), None if last is None else _named(context, mailbox, last), waiting)


def waiting_in(statements: MailboxStatements, driver: Any, mailbox: str) -> int:
    """Return how many messages wait."""
    found = statements.rows(driver, _COUNT, (mailbox,))
    return int(found[0][0]) if found else 0


def position_of(context: Context, mailbox: str, after: str) -> int:
    """Return where a page ended. Raises `ValueError`."""
    try:
        position = int(after[:_DIGITS], 16)
    except ValueError:
        raise ValueError("no page of this inbox ended there") from None
    if not hmac.compare_digest(_named(context, mailbox, position).encode(), after.encode("utf-8", "replace")):
        raise ValueError("no page of this inbox ended there")
    return position


def _named(context: Context, mailbox: str, position: int) -> str:
    """Return the name of a place in this inbox: nobody else can make one, and of another inbox it is none."""
    digits = f"{position:0{_DIGITS}x}"
    return digits + context.lookup_hash(f"mailboxes/page/{mailbox}/{digits}").hex()[:_DIGITS]
