"""Every row of the error tables of the mailbox server (itk3-messaging 5.1, 5.2, 5.5)."""

import gzip
from collections.abc import Iterator
from typing import Final

from mesh_rows.row import Call, Error, Parameter, Plain, Row

SMALL, ROUTED, DOWN = "small", "routed", "down"
WORLDS: Final = {SMALL: "a request has 1,000 bytes, a message 1,500 and 5 chunks", ROUTED: "somebody knows two mailboxes for a patient", DOWN: "the store is gone"}
LISTING: Final = Call("GET", "ALICE/inbox")
PATIENT: Final = "GPPROVIDER_9990000018_09011955_SMITH"


def sending(body: bytes = b"hello", **headers: str | None) -> Call:
    """Return a call that sends a first chunk, with other headers."""
    given = {"Mex-To": "BOB", "Mex-WorkflowID": "LETTERS"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", "ALICE/outbox", given, body)


def chunk(message: str, number: int = 2, total: int = 3, body: bytes = b"two", **headers: str | None) -> Call:
    """Return a call that sends a later one."""
    given: dict[str, str | None] = {"Mex-Chunk-Range": f"{number}:{total}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", f"ALICE/outbox/{message}/{number}", given, body)


def reading(message: str, rest: str = "", method: str = "GET", **headers: str | None) -> Call:
    """Return a call by BOB that reads a message."""
    return Call(method, f"BOB/inbox/{message}{rest}", {name.replace("_", "-"): value for name, value in headers.items()}, who="BOB")


def _tokens() -> Iterator[Row]:
    """5.1, in its order."""
    unreadable = Error("", "", "Error reading from Authorization header")
    another = Error("", "", "Mailbox id does not match token")
    invalid = Error("", "", "Invalid Authentication Token")
    for spoilt in ("no header", "another scheme", "no scheme", "four parts", "six parts", "a count in letters"):
        yield Row(f"token: {spoilt}", "mesh-token-unreadable", 403, unreadable, Call("GET", "ALICE/inbox", token=spoilt))
    yield Row("token: a space in the mailbox", "mesh-token-unreadable", 403, unreadable, Call("GET", "AL%20ICE/inbox", token="a space"))
    for spoilt in ("of another", "in small letters"):
        yield Row(f"token: {spoilt}", "mesh-token-of-another-mailbox", 403, another, Call("GET", "ALICE/inbox", token=spoilt))
    yield Row("token: no such mailbox", "mesh-mailbox-unknown", 403, Error("SEND", "EPL-151", "No mailbox matched"), Call("GET", "NOBODY/inbox", who="NOBODY"))
    for spoilt in ("another password", "another key", "another hash"):
        yield Row(f"token: {spoilt}", "mesh-token-invalid", 403, invalid, Call("GET", "ALICE/inbox", token=spoilt))
    yield Row("token: a mailbox without a password", "mesh-token-invalid", 403, invalid, Call("GET", "ERIN/inbox", who="ERIN"))
    for spoilt in ("hours ago", "hours ahead"):
        yield Row(f"token: {spoilt}", "mesh-token-stale", 403, invalid, Call("GET", "ALICE/inbox", token=spoilt))
    yield Row("certificate: of another mailbox", "mesh-certificate-of-another", 403, invalid, Call("GET", "ALICE/inbox", token="another certificate"))
    yield Row("token: used", "mesh-token-used", 403, Error("", "", "Error Duplicated Authentication Token"), Call("GET", "ALICE/inbox", token="used"))
    yield Row("mailbox: inactive", "mesh-mailbox-inactive", 403, Error("", "", "Request Received from Inactive Mailbox"), Call("GET", "DAVE/inbox", who="DAVE"))


def _parameters() -> Iterator[Row]:
    """What is asked."""
    accept = Error("", "", "Accept header api format incorrect")
    yield Row("accept: version 3", "mesh-accept", 400, accept, Call("GET", "ALICE/inbox", {"Accept": "application/vnd.mesh.v3+json"}), versions=(1,))
    for path in ("ALICE/other", "ALICE/inbox/M1/2/3", "ALICE/outbox/tracking/a/b", ""):
        yield Row(f"path: {path or 'none'}", "mesh-path", 404, Plain("Not Found"), Call("GET", path))
    for method, path, allowed in (("DELETE", "ALICE/inbox", "GET"), ("PUT", "ALICE", "GET, POST"), ("GET", "ALICE/outbox", "POST"), ("POST", "_ping", "GET"),
                                  ("POST", "ALICE/outbox/tracking/2", "GET")):
        yield Row(f"method: {method} {path}", "mesh-method", 405, Plain("Method Not Allowed"), Call(method, path), headers={"allow": allowed})

    def wrong(name: str, reason: str, call: Call, *said: str) -> Row:
        return Row(f"parameter: {name}", f"mesh-parameter-{reason}", 400, Parameter(*said), call)

    client: dict[str, str | None] = {"Mex-ClientVersion": "1", "Mex-OSName": "Linux", "Mex-OSVersion": "6"}
    for missing in client:
        yield wrong(f"a handshake without {missing}", "missing", Call("POST", "ALICE", client | {missing: None}), "missing", "header", missing.lower(), "Field required")
    yield wrong("no workflow", "missing", sending(Mex_WorkflowID=None), "missing", "header", "mex-workflowid", "Field required")
    yield wrong("tracking of nothing", "missing", Call("GET", "ALICE/outbox/tracking"), "missing", "query", "messageID", "Field required")
    for name, limit in (("Mex-To", 100), ("Mex-WorkflowID", 300), ("Mex-Chunk-Range", 20), ("Mex-Subject", 500), ("Mex-LocalID", 300), ("Mex-FileName", 300),
                        ("Mex-Content-Checksum", 100), ("Mex-PartnerID", 500), ("Content-Type", 100)):
        yield wrong(f"{name} too long", "long", sending(**{name: "1" * (limit + 1)}), "string_too_long", "header", name.lower(), f"String should have at most {limit} characters")
    yield wrong("a long filter", "long", Call("GET", f"ALICE/inbox?workflow_filter={'A' * 256}"), "string_too_long", "query", "workflow_filter",
                "String should have at most 255 characters")
    yield wrong("a short filter", "short", Call("GET", "ALICE/inbox?workflow_filter=A"), "string_too_short", "query", "workflow_filter",
                "String should have at least 2 characters")
    yield wrong("a short place", "short", Call("GET", "ALICE/inbox?continue_from=abc"), "string_too_short", "query", "continue_from",
                "String should have at least 24 characters")
    no_number = "Input should be a valid integer, unable to parse string as an integer"
    yield wrong("a limit in letters", "number", Call("GET", "ALICE/inbox?max_results=ten"), "int_parsing", "query", "max_results", no_number)
    yield wrong("a chunk in letters", "number", reading("{waiting}", "/two"), "int_parsing", "path", "chunk_number", no_number)
    yield wrong("a low limit", "low", Call("GET", "ALICE/inbox?max_results=9"), "greater_than_equal", "query", "max_results", "Input should be greater than or equal to 10")
    yield wrong("a high limit", "high", Call("GET", "ALICE/inbox?max_results=5001"), "less_than_equal", "query", "max_results",
                "Input should be less than or equal to 5000")
    other = "Value error, the value is not one that was given out or can be"
    yield wrong("no place", "value", Call("GET", f"ALICE/inbox?continue_from={'x' * 24}"), "value_error", "query", "continue_from", other)
    yield wrong("no filter", "value", Call("GET", "ALICE/inbox?workflow_filter=A*B"), "value_error", "query", "workflow_filter", other)


def _sending() -> Iterator[Row]:
    """The error table, in the order of the checks of 5.2."""
    for name in ("Mex-To", "Mex-WorkflowID", "Mex-Content-Checksum"):
        yield Row(f"send: a URL in {name}", "mesh-control-file", 400, Error("TRANSFER", "06", "MalformedControlFile", fields=(name,)), sending(**{name: "http://a"}))

    def send(name: str, reason: str, code: str, text: str, call: Call, status: int = 417, event: str = "SEND", **more: str) -> Row:
        return Row(f"send: {name}", f"mesh-{reason}", status, Error(event, code, text), call, **more)  # type: ignore[arg-type]

    yield send("a checksum of other characters", "checksum-form", "Invalid checksum", "Invalid checksum", sending(Mex_Content_Checksum="a;b"), 400)
    for to in (None, " "):
        yield send(f"to {'nobody' if to is None else 'a space'}", "to-missing", "08", "TO_DTS missing", sending(Mex_To=to), 400)
    yield send("from another", "from-address", "07", "Invalid From Address in the control file", sending(Mex_From="BOB"))
    yield send("version 2.0", "version", "09", "Invalid version of the control file", sending(Mex_Version="2.0"))
    yield send("a report", "message-type", "11", "Invalid Message Type for the transfer", sending(Mex_MessageType="REPORT"))
    yield send("brotli", "content-encoding", "UnsupportedContentEncoding", "Unsupported content encoding", sending(Content_Encoding="br"), 422)
    for chunks in ("2:3", "0:1", "1:0", "1", "a:b", "1:2:3"):
        yield send(f"chunk {chunks}", "chunk-range", "InvalidHeaderChunks", "Invalid chunk values sent in Mex-Chunk-Range header", sending(Mex_Chunk_Range=chunks))
    yield send("to no NHS number", "nhs-number", "EPL-152", "Invalid NHS Number", sending(Mex_To="GPPROVIDER_9990000019_09011955_SMITH"))
    yield send("to a patient", "no-mailbox-matched", "EPL-151", "No mailbox matched", sending(Mex_To=PATIENT))
    yield send("to a patient of two", "several-mailboxes-matched", "EPL-150", "Multiple mailboxes matches", sending(Mex_To=PATIENT), world=ROUTED)
    yield send("to no mailbox", "recipient-unknown", "12", "Unregistered to address", sending(Mex_To="NOBODY"))
    yield send("no sender of the workflow", "sender-not-allowed", "16", "Sender not allowed for the workflow", sending(Mex_WorkflowID="NOTES"))
    unregistered = "Workflow ID not registered for mailbox"
    yield send("no receiver of the workflow", "workflow", "17", unregistered, sending(Mex_To="CAROL"))
    yield send("no workflow", "workflow", "17", unregistered, sending(Mex_WorkflowID="OTHER"))
    yield send("to an inactive mailbox", "recipient-inactive", "14", "Message was not collected as the mailbox is deactivated", sending(Mex_To="DAVE"))
    yield send("nothing", "body-empty", "02", "Data file is missing or inaccessible.", sending(b""), event="COLLECT")
    yield send("too much", "body-too-large", "", "A request has at most 1000 bytes", sending(b"x" * 1_001), 413, "", world=SMALL)
    yield send("too many chunks", "message-too-large", "", "A message has at most 1500 bytes and 5 chunks", sending(Mex_Chunk_Range="1:6"), 413, "", world=SMALL)
    yield send("no gzip", "file-format", "Invalid file format", "File Level Error (file not formed correctly)", sending(Content_Encoding="gzip"))
    yield send("another checksum", "checksum", "Invalid checksum", "Invalid checksum", sending(Mex_Content_Checksum=f"SHA256 {'0' * 64}"))


def _chunks() -> Iterator[Row]:
    """Later chunks, in the order of 5.2."""
    ranges = Error("SEND", "InvalidHeaderChunks", "Invalid chunk values sent in Mex-Chunk-Range header", "{begun}")
    for stated in (None, "1:3", "2:1", "2", "2:4"):
        yield Row(f"chunk: range {stated}", "mesh-chunk-range", 417, ranges, chunk("{begun}", Mex_Chunk_Range=stated))
    yield Row("chunk: of no message", "mesh-upload-unknown", 404, Plain("There is no message of this id"), chunk("M1"))
    foreign = Call("POST", "BOB/outbox/{begun}/2", {"Mex-Chunk-Range": "2:3"}, b"two", "BOB")
    yield Row("chunk: of another's message", "mesh-upload-of-another", 403, Plain("The message is not of this mailbox"), foreign)
    yield Row("chunk: of a complete message", "mesh-upload-complete", 423, Plain("The message is complete"), chunk("{waiting}", 1, 1))
    yield Row("chunk: above the total", "mesh-chunk-above-total", 406, Plain("The message has fewer chunks"), chunk("{begun}", 4, 4))
    yield Row("chunk: another encoding", "mesh-encoding-changed", 417, Error("", "", "cannot change content encoding", "{begun}"), chunk("{begun}", Content_Encoding="gzip"))
    yield Row("chunk: empty", "mesh-body-empty", 417, Error("COLLECT", "02", "Data file is missing or inaccessible."), chunk("{begun}", body=b""))
    different = Error("SEND", "InvalidHeaderChunks", "The chunk was sent before, with other content", "{begun}")
    yield Row("chunk: different", "mesh-chunk-different", 417, different, chunk("{begun}", 1, body=b"other"))
    missing = Error("SEND", "InvalidHeaderChunks", "Chunks before the last one are missing", "{begun}")
    yield Row("chunk: the last before others", "mesh-chunks-missing", 417, missing, chunk("{begun}", 3, body=b"three"))
    too_large = Error("", "", "A message has at most 1500 bytes and 5 chunks")
    yield Row("chunk: more than a message", "mesh-message-too-large", 413, too_large, chunk("{begun}", 3, body=b"x" * 999), world=SMALL)


def _reading() -> Iterator[Row]:
    """What a recipient, and a sender, may see."""
    def unknown(message: str) -> Error:
        return Error("RECEIVE", "20", "Message does not exist", message)

    of_another = Plain("The message is not for this mailbox")
    gone = Error("SEND", "Message already accepted", "Message no longer available for download", "{acknowledged}")
    for name, rest, method in (("read", "", "GET"), ("chunk", "/1", "GET"), ("acknowledge", "/status/acknowledged", "PUT")):
        yield Row(f"{name}: no message", "mesh-message-unknown", 404, unknown("M1"), reading("m1", rest, method))
        foreign = Call(method, "ALICE/inbox/{waiting}" + rest)
        yield Row(f"{name}: of another", "mesh-message-of-another", 403, of_another, foreign)
        if method == "GET":
            yield Row(f"{name}: acknowledged", "mesh-message-gone", 410, gone, reading("{acknowledged}", rest, method))
        begun = Error("SEND", "Message already accepted", "Message no longer available for download", "{begun}")
        yield Row(f"{name}: not complete", "mesh-message-gone", 410, begun, reading("{begun}", rest, method))
    for number in (0, 2):
        yield Row(f"chunk: {number} of 1", "mesh-message-unknown", 404, unknown("{waiting}"), reading("{waiting}", f"/{number}"))
    inflation = Error("", "", "The message unfolds beyond the limits, or is no gzip: accept gzip to have it as it was sent")
    yield Row("read: a bomb", "mesh-inflation", 406, inflation, reading("{bomb}", Accept_Encoding="identity"))
    nobody = Plain("There is no message of this id")
    for name, message in (("nothing", "M1"), ("another's", "{waiting}")):
        yield Row(f"track: {name}", "mesh-tracking-unknown", 404, nobody, Call("GET", f"BOB/outbox/tracking?messageID={message}", who="BOB"))
    yield Row("track: no local id", "mesh-tracking-unknown", 404, nobody, Call("GET", "ALICE/outbox/tracking/none"))
    yield Row("track: two of one local id", "mesh-tracking-several", 300, Plain("Several messages have this local id"), Call("GET", "ALICE/outbox/tracking/twice"))
    yield Row("the store is gone", "mesh-unavailable", 503, Plain("The mailboxes cannot be reached"), LISTING, DOWN, {"retry-after": "1"})


ROWS: Final = (*_tokens(), *_parameters(), *_sending(), *_chunks(), *_reading())
CASES: Final = {f"{row.name} (version {version})": (row, version) for row in ROWS for version in row.versions}
BOMB: Final = gzip.compress(b"\0" * 5_000_000, mtime=0)
