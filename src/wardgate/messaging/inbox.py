"""`GET /{mailbox}/inbox`: which messages wait, a page at a time (itk3-messaging 5.2)."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from wardgate.mesh import bodies, workflow_filter
from wardgate.mesh.errors import wrong_parameter
from wardgate.messaging.call import Call

FILTER_LENGTHS: Final = (2, 255)
CONTINUE_LENGTHS: Final = (24, 1_000)
MAX_DIGITS: Final = 9


async def inbox(call: Call) -> None:
    """Answer with a page."""
    version, query = call.version, call.query()
    limit = _number(query, "max_results", bodies.DEFAULT_RESULTS, bodies.MIN_RESULTS, bodies.MAX_RESULTS)
    after = _text(query, "continue_from", *CONTINUE_LENGTHS)
    workflows = _text(query, "workflow_filter", *FILTER_LENGTHS)
    taken = None if workflows is None else workflow_filter.read(workflows)
    mailbox = call.mailbox.id
    try:
        page = await call.server.run(partial(call.server.mailboxes.inbox, mailbox, after=after, limit=limit, workflows=taken))
    except ValueError:
        raise wrong_parameter("mesh-parameter-value", "value_error", "query", "continue_from") from None
    await call.claim()
    asked = {"max_results": limit if "max_results" in query else None, "workflow_filter": workflows}
    told = bodies.inbox(version, mailbox, page.ids, more=page.more, approximate_count=page.approximate_count, asked=asked)
    await call.answer(200, told)


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise wrong_parameter("mesh-parameter-number", "int_parsing", "query", name)
    if int(text) < least:
        raise wrong_parameter("mesh-parameter-low", "greater_than_equal", "query", name, least)
    if int(text) > most:
        raise wrong_parameter("mesh-parameter-high", "less_than_equal", "query", name, most)
    return int(text)


def _text(query: Mapping[str, str], name: str, least: int, most: int) -> str | None:
    text = query.get(name)
    if text is None:
        return None
    if len(text) < least:
        raise wrong_parameter("mesh-parameter-short", "string_too_short", "query", name, least)
    if len(text) > most:
        raise wrong_parameter("mesh-parameter-long", "string_too_long", "query", name, most)
    return text
