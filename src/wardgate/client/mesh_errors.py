"""What a MESH server says no with, and what can go wrong around it (itk3-messaging 5.5).

ClientError
├── MeshCallInvalid         a recipient, header, filter or content that no server would take: nothing was sent
├── MeshAnswerInvalid       the server said yes in a form that is none of the API's, or beyond a limit
├── MeshSourceChanged       what is being sent changed while it was sent: the message was not finished
├── MeshContentInvalid      what came is not what was sent: checksum, encoding, order or number of chunks
├── MeshSendUncertain       nobody can say whether the first chunk was stored; `local_id` is what to look for
├── MeshTransferInvalid     what is kept of an interrupted transfer is of another one, damaged, or in use
└── APIError
    └── MeshAPIError        an answer of the server; `event` and `code` are those of its table
        ├── MeshNotAuthenticated   403: header, mailbox, password, shared key, clock, or certificate
        ├── MeshRecipientUnknown   12, EPL-150 to EPL-152
        ├── MeshWorkflowRefused    16, 17, 18
        ├── MeshHeadersRefused     06 to 09, 11, 19, InvalidHeaderChunks, UnsupportedContentEncoding
        ├── MeshContentRefused     02 of what was sent, Invalid checksum, Invalid file format
        ├── MeshMessageUnknown     20, and 404
        └── MeshMessageGone        410: it cannot be downloaded any more

No message of any of these holds a password, a shared key, a token or a header's value.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from wardgate.client.error_shapes import http_date, retry_after_seconds
from wardgate.client.errors import APIError, ClientError
from wardgate.client.mesh_steps import Answer

_MOST_SKEW_SECONDS: Final = 3600.0
"""Tokens are good for two hours; a clock that is off by half of that is worth a word."""


class MeshCallInvalid(ClientError):
    """What was asked is no call of the API. The message names the header, never its value."""


class MeshAnswerInvalid(ClientError):
    """A server's success in a form that is not believed."""


class MeshSourceChanged(ClientError):
    """A file or stream is no longer what it was when sending began."""


class MeshContentInvalid(ClientError):
    """A message that came is not whole, or not what its sender's checksum says. It was not acknowledged."""


class MeshTransferInvalid(ClientError):
    """The state or the part of an interrupted transfer cannot be gone on with."""


class MeshSendUncertain(ClientError):
    """The first chunk got no answer that counts, and the message cannot be found by its local id either."""

    def __init__(self, local_id: str, why: str) -> None:
        self.local_id = local_id
        super().__init__(f"whether the message arrived is not known ({why}); look for it by its local id {local_id} before sending it again")


class MeshAPIError(APIError):
    """A refusal or a failure of the server. `event` is the table's: SEND, RECEIVE, TRANSFER, COLLECT; empty where none is told."""

    event: str = ""
    clock_skew_seconds: float | None = None
    """How far the server's clock is ahead of ours, where the answer tells and it is far."""


class MeshNotAuthenticated(MeshAPIError):
    """403: who calls was not believed, or the message is another mailbox's."""


class MeshRecipientUnknown(MeshAPIError):
    """No mailbox, or more than one, for this recipient."""


class MeshWorkflowRefused(MeshAPIError):
    """The sender may not send, or the recipient not receive, on this workflow."""


class MeshHeadersRefused(MeshAPIError):
    """A header that the server does not take."""


class MeshContentRefused(MeshAPIError):
    """The content is empty, or is not what its checksum or workflow says."""


class MeshMessageUnknown(MeshAPIError):
    """There is no such message, chunk or mailbox."""


class MeshMessageGone(MeshAPIError):
    """The message was acknowledged, has expired, or was never delivered."""


BY_CODE: Final[Mapping[str, type[MeshAPIError]]] = MappingProxyType({
    "02": MeshContentRefused, "06": MeshHeadersRefused, "07": MeshHeadersRefused, "08": MeshHeadersRefused, "09": MeshHeadersRefused,
    "11": MeshHeadersRefused, "12": MeshRecipientUnknown, "16": MeshWorkflowRefused, "17": MeshWorkflowRefused, "18": MeshWorkflowRefused,
    "19": MeshHeadersRefused, "20": MeshMessageUnknown, "EPL-150": MeshRecipientUnknown, "EPL-151": MeshRecipientUnknown,
    "EPL-152": MeshRecipientUnknown, "InvalidHeaderChunks": MeshHeadersRefused, "UnsupportedContentEncoding": MeshHeadersRefused,
    "Invalid checksum": MeshContentRefused, "Invalid file format": MeshContentRefused,
})
"""By the table's code; the words among them come as code or as text."""
BY_STATUS: Final[Mapping[int, type[MeshAPIError]]] = MappingProxyType({
    401: MeshNotAuthenticated, 403: MeshNotAuthenticated, 404: MeshMessageUnknown, 410: MeshMessageGone,
})
"""Where no code says more."""


def mesh_error(answer: Answer, now: datetime) -> MeshAPIError:
    """Return the error of an answer of 300 or more, in the forms of both versions, or in none (5.5)."""
    event, code, text = _found(answer)
    kind = BY_CODE.get(code) or BY_CODE.get(text) or BY_STATUS.get(answer.status, MeshAPIError)
    skew = _skew(answer, now) if kind is MeshNotAuthenticated else None
    if skew is not None:
        text += f" (the server's clock is {abs(skew) / 60:.0f} minutes {'ahead of' if skew > 0 else 'behind'} this machine's)"
    headers = answer.headers
    error = kind(
        answer.status, code or str(answer.status), text or "no reason given", shape="mesh" if code or text else "none",
        message_id=headers.get("x-wardgate-message-id"), request_id=headers.get("x-request-id"), correlation_id=headers.get("x-correlation-id"),
        retry_after_seconds=retry_after_seconds(headers, now), reason=headers.get("x-wardgate-reason"),
    )
    error.event, error.clock_skew_seconds = event, skew
    return error


def _found(answer: Answer) -> tuple[str, str, str]:
    """Return event, code and text, each empty where it is not told."""
    body = _object(answer.content)
    detail = body.get("detail")
    first = detail[0] if isinstance(detail, list) and detail and isinstance(detail[0], dict) else None
    if first is not None:
        where = ".".join(_text(part) for part in first["loc"]) if isinstance(first.get("loc"), list) else ""
        text = f"{where}: {_text(first.get('msg'))}" if where else _text(first.get("msg"))
        return _text(first.get("event")), _text(first.get("code")), text
    text = _text(body.get("errorDescription")) or _text(detail) or _text(body.get("message"))
    return _text(body.get("errorEvent")), _text(body.get("errorCode")), text


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content) if content else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return "".join(character if character.isprintable() else " " for character in text[:500]).strip()


def _skew(answer: Answer, now: datetime) -> float | None:
    theirs = http_date(answer.headers.get("date", ""))
    ahead = (theirs - now).total_seconds() if theirs is not None else 0.0
    return ahead if abs(ahead) >= _MOST_SKEW_SECONDS else None
