"""The bodies of answers, in both versions; tracking has a file of its own (itk3-messaging 5.2)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from wardgate.mesh.versions import V1

DEFAULT_RESULTS: Final = 500
MIN_RESULTS: Final = 10
MAX_RESULTS: Final = 5_000
BASE: Final = "/messageexchange"

Body = dict[str, Any] | None
"""None: the answer has no body."""
NamedMailbox = tuple[str, str]
"""A mailbox's id and its name."""


def handshake(version: int, mailbox: str) -> Body:
    """Return the answer to a handshake."""
    return {"mailboxId": mailbox} if version == V1 else None


def inbox(version: int, mailbox: str, messages: Sequence[str], *, more: str | None, approximate_count: int, asked: Mapping[str, Any]) -> Body:
    """Return a page of an inbox. Links are paths: clients put them behind their own address (5.2). `asked` are the query's parameters but the place to go on from."""
    if version == V1:
        return {"messages": list(messages)}
    links = {"self": inbox_path(mailbox, asked)}
    if more is not None:
        links["next"] = inbox_path(mailbox, {**asked, "continue_from": more})
    return {"messages": list(messages), "links": links, "approx_inbox_count": approximate_count}


def inbox_path(mailbox: str, parameters: Mapping[str, Any]) -> str:
    """Return the path of an inbox's page."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{BASE}/{mailbox}/inbox" + (f"?{query}" if query else "")


def acknowledged(version: int, message_id: str) -> Body:
    """Return the answer to an acknowledgement."""
    return {"messageId": message_id} if version == V1 else None


def count(version: int, number: int, internal_id: str) -> Body:
    """Return how many messages wait."""
    return {"count": number, "internalID": internal_id, "allResultsIncluded": True} if version == V1 else {"count": number}


def sent(version: int, message_id: str) -> Body:
    """Return the answer to a first chunk."""
    return {"messageID" if version == V1 else "message_id": message_id}


def chunk_sent(version: int, message_id: str, number: int) -> Body:
    """Return the answer to a later chunk."""
    return {"messageID": message_id, "blockID": number} if version == V1 else None


def lookup(version: int, found: Iterable[NamedMailbox], query_id: str) -> Body:
    """Return which mailboxes an organisation takes a workflow's messages at."""
    if version != V1:
        return {"results": [{"mailbox_id": mailbox, "mailbox_name": name} for mailbox, name in found]}
    results = [{"address": mailbox, "description": name, "endpoint_type": "MESH"} for mailbox, name in found]
    return {"query_id": query_id, "results": results}
