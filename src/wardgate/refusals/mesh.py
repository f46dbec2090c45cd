"""Refusals of the mailbox server, in the order of its checks: token, headers, sending, reading (itk3-messaging 5.1, 5.2, 5.5).

`error` is the code of the MESH error table, `text` its words; `EVENTS` has the event of each, and a row without one is said
plainly or names the parameter that was wrong: there are three shapes, and each of two versions of the API has its own form of the first.
"""

from enum import StrEnum
from typing import Any, Final

from wardgate.refusals.reason import Area, Fixer, Reason


class Shape(StrEnum):
    """How a row is said (5.5)."""

    ERROR = "error"
    """Event, code and text, in the form of each version."""
    PLAIN = "plain"
    """`{"internal_id", "message"}`: the published error without detail."""
    PARAMETER = "parameter"
    """`{"detail": [{"type", "loc", "msg"}]}`: a header or parameter that is not what it should be."""


_EVENTS: dict[str, str] = {}
_SHAPES: dict[str, Shape] = {}
_AUTHENTICATION: Final = "itk3-messaging 5.1"
_ERRORS: Final = "itk3-messaging 5.5"
_CALLS: Final = "itk3-messaging 5.2"


def _row(code: str, status: int, event: str, error: str, text: str, check: str, advice: str, source: str = _CALLS, **more: Any) -> Reason:
    _EVENTS[f"mesh-{code}"] = event
    _SHAPES[f"mesh-{code}"] = Shape.ERROR
    return Reason(f"mesh-{code}", Area.MESH, status, error, text, check, advice, source=source, **more)


def _token(code: str, text: str, check: str, advice: str, event: str = "", error: str = "", **more: Any) -> Reason:
    return _row(code, 403, event, error, text, check, advice, _AUTHENTICATION, **more)


def _send(code: str, error: str, text: str, check: str, advice: str, status: int = 417, **more: Any) -> Reason:
    return _row(code, status, "SEND", error, text, check, advice, _ERRORS, **more)


def _plain(code: str, status: int, text: str, check: str, advice: str, **more: Any) -> Reason:
    _SHAPES[f"mesh-{code}"] = Shape.PLAIN
    return Reason(f"mesh-{code}", Area.MESH, status, "", text, check, advice, source=_CALLS, **more)


def _parameter(code: str, text: str, check: str, advice: str, placeholders: tuple[str, ...]) -> Reason:
    """`error` is the kind of a fault in a parameter; the placeholders say where it was."""
    _SHAPES[f"mesh-{code}"] = Shape.PARAMETER
    return Reason(f"mesh-{code}", Area.MESH, 400, "{kind}", text, check, advice, source=_ERRORS, placeholders=("kind", "place", "name", *placeholders))


_NEW_TOKEN: Final = "make a new token for every request"  # noqa: S105 - advice
_ASK: Final = "see the headers and parameters of the call in the reference"
_BIND: Final = "use the certificate of the mailbox's client, or have its name added to the mailbox's `certificates`"

# fmt: off
MESH: Final = (
    # who asks, in the order of 5.1
    _token("token-unreadable", "Error reading from Authorization header", "Authorization is `NHSMESH `, then mailbox, nonce, count, time and hash with colons between", "send the header in its form"),
    _token("token-of-another-mailbox", "Mailbox id does not match token", "the token is of the mailbox in the path, in capitals", "make the token for the mailbox that is asked"),
    _token("mailbox-unknown", "No mailbox matched", "the mailbox exists", "state the mailbox in the manifest", "SEND", "EPL-151", fixer=Fixer.OPERATOR),
    _token("token-invalid", "Invalid Authentication Token", "the hash is made with the mailbox's password and the environment's key", "check the password and the shared key"),
    _token("token-stale", "Invalid Authentication Token", "the token's time is within 2 hours of ours", "set the clock: the time is in UTC"),
    _token("certificate-of-another", "Invalid Authentication Token", "the client certificate may speak for the mailbox", _BIND),
    _token("token-used", "Error Duplicated Authentication Token", "the token was not used before", _NEW_TOKEN),
    _token("mailbox-inactive", "Request Received from Inactive Mailbox", "the mailbox is active", "have the mailbox made active", fixer=Fixer.OPERATOR),
    # what is asked
    _row("accept", 400, "", "", "Accept header api format incorrect", "Accept names version 1 or 2 of the API, if it names one", "accept `application/vnd.mesh.v2+json`"),
    _plain("path", 404, "Not Found", "the path is one of the API's", "see the paths in the reference"),
    _plain("method", 405, "Method Not Allowed", "the method is one of the path's", "see the paths in the reference", headers=(("Allow", "{methods}"),), placeholders=("methods",)),
    _parameter("parameter-missing", "Field required", "every required header and parameter is there", _ASK, ()),
    _parameter("parameter-long", "String should have at most {limit} characters", "headers and parameters are within their lengths", _ASK, ("limit",)),
    _parameter("parameter-short", "String should have at least {limit} characters", "headers and parameters are within their lengths", _ASK, ("limit",)),
    _parameter("parameter-number", "Input should be a valid integer, unable to parse string as an integer", "numbers are written as digits", _ASK, ()),
    _parameter("parameter-low", "Input should be greater than or equal to {limit}", "numbers are within their limits", _ASK, ("limit",)),
    _parameter("parameter-high", "Input should be less than or equal to {limit}", "numbers are within their limits", _ASK, ("limit",)),
    _parameter("parameter-value", "Value error, the value is not one that was given out or can be", "the value is of the parameter's form", _ASK, ()),
    # sending, in the order of 5.2
    _row("control-file", 400, "TRANSFER", "06", "MalformedControlFile", "no header has control characters, and no address is a URL", "send plain texts", _ERRORS),
    _row("checksum-form", 400, "SEND", "Invalid checksum", "Invalid checksum", "Mex-Content-Checksum has letters, digits, spaces and `:-/` only", "send the checksum as hex digits after the name of its kind", _ERRORS),
    _send("from-address", "07", "Invalid From Address in the control file", "Mex-From, if sent, is the mailbox in the path", "leave Mex-From out"),
    _send("to-missing", "08", "TO_DTS missing", "Mex-To is there", "send Mex-To", status=400),
    _send("version", "09", "Invalid version of the control file", "Mex-Version, if sent, is 1.0", "leave Mex-Version out"),
    _send("message-type", "11", "Invalid Message Type for the transfer", "Mex-MessageType, if sent, is DATA", "leave Mex-MessageType out"),
    _send("content-encoding", "UnsupportedContentEncoding", "Unsupported content encoding", "Content-Encoding is gzip or absent", "send gzip, or the content as it is", status=422),
    _send("chunk-range", "InvalidHeaderChunks", "Invalid chunk values sent in Mex-Chunk-Range header", "Mex-Chunk-Range is the chunk's number, a colon and the number of all", "count chunks from 1"),
    _send("nhs-number", "EPL-152", "Invalid NHS Number", "the NHS number of a routing address has its check digit", "check the number"),
    _send("no-mailbox-matched", "EPL-151", "No mailbox matched", "a mailbox is known for the patient of a routing address", "send to the mailbox of the practice: this Wardgate has no demographics", fixer=Fixer.OPERATOR),
    _send("several-mailboxes-matched", "EPL-150", "Multiple mailboxes matches", "one mailbox is known for the patient of a routing address", "send to the mailbox of the practice", fixer=Fixer.OPERATOR),
    _send("recipient-unknown", "12", "Unregistered to address", "the recipient is a mailbox", "look the address up"),
    _send("sender-not-allowed", "16", "Sender not allowed for the workflow", "the workflow lists the sender", "ask for the mailbox to be added to the workflow's senders", fixer=Fixer.OPERATOR),
    _send("workflow", "17", "Workflow ID not registered for mailbox", "the workflow lists the recipient", "ask for the mailbox to be added to the workflow's receivers", fixer=Fixer.OPERATOR),
    _send("recipient-inactive", "14", "Message was not collected as the mailbox is deactivated", "the recipient's mailbox is active", "send to another mailbox of the organisation", fixer=Fixer.OPERATOR),
    _row("body-empty", 417, "COLLECT", "02", "Data file is missing or inaccessible.", "the body is not empty", "send the message", _ERRORS),
    _row("body-too-large", 413, "", "", "A request has at most {limit} bytes", "one request is within the limit", "send the message in chunks", placeholders=("limit",)),
    _row("message-too-large", 413, "", "", "A message has at most {limit} bytes and {chunks} chunks", "the whole message is within the limits", "send several messages", placeholders=("limit", "chunks")),
    _row("body-slow", 408, "", "", "The body did not come in time", "the body comes without long pauses, and faster than the least speed", "send smaller chunks", headers=(("Connection", "close"),)),
    _send("file-format", "Invalid file format", "File Level Error (file not formed correctly)", "a body with Content-Encoding gzip is gzip", "compress each chunk by itself"),
    _send("checksum", "Invalid checksum", "Invalid checksum", "a checksum of the form `SHA256` and 64 hex digits is that of the whole content", "send the message again, with the checksum of the content before gzip"),
    # later chunks
    _plain("upload-unknown", 404, "There is no message of this id", "the message was begun", "send the first chunk"),
    _plain("upload-of-another", 403, "The message is not of this mailbox", "the message was begun by this mailbox", "ask as the mailbox that sends it"),
    _plain("upload-complete", 423, "The message is complete", "chunks of the message are missing", "the message is sent: track it"),
    _plain("chunk-above-total", 406, "The message has fewer chunks", "the chunk's number is not above the number of all", "count chunks from 1"),
    _row("encoding-changed", 417, "", "", "cannot change content encoding", "every chunk has the Content-Encoding of the first", "compress all chunks or none"),
    _send("chunk-different", "InvalidHeaderChunks", "The chunk was sent before, with other content", "a chunk that is sent again is the same", "send the same again, or another message"),
    _send("chunks-missing", "InvalidHeaderChunks", "Chunks before the last one are missing", "all other chunks came before the last one", "send the missing chunks: the last one is kept, and the message is complete with them"),
    # reading
    _row("message-unknown", 404, "RECEIVE", "20", "Message does not exist", "the message exists, has the chunk, and is for the mailbox", "list the inbox", _ERRORS),
    _plain("message-of-another", 403, "The message is not for this mailbox", "the message is for the mailbox", "ask as the mailbox that it is for"),
    _send("message-gone", "Message already accepted", "Message no longer available for download", "the message is neither acknowledged nor given up", "keep what was downloaded before acknowledging it", status=410),
    _row("inflation", 406, "", "", "The message unfolds beyond the limits, or is no gzip: accept gzip to have it as it was sent", "what was sent as gzip unfolds within the limits", "accept gzip, or ask the sender"),
    _plain("tracking-unknown", 404, "There is no message of this id", "the mailbox sent the message", "ask for a message that this mailbox sent"),
    _plain("tracking-several", 300, "Several messages have this local id", "one message has the local id", "ask by message id"),
    # behind it
    _plain("unavailable", 503, "The mailboxes cannot be reached", "the store answers", "send the same request again, with the same token", fixer=Fixer.OPERATOR, headers=(("Retry-After", "1"),)),
    _plain("busy", 429, "Too many requests are under way", "there is room for one more request", "send the same request again, with the same token", fixer=Fixer.OPERATOR, headers=(("Retry-After", "1"),)),
    _plain("failed", 500, "An internal error occurred", "this Wardgate has no fault", "report the internal id", fixer=Fixer.OPERATOR),
)
# fmt: on
EVENTS: Final = _EVENTS
"""The event of each error, where it has one."""
SHAPES: Final = _SHAPES
KEEPS_TOKEN: Final = frozenset({425, 429, 502, 503, 504})
"""Statuses whose answer does not use the token up: clients send the same again (5.1)."""
