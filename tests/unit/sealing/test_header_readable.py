"""The header-readable form: what intermediaries read is what was signed."""

import json
import os
from base64 import b64decode, b64encode
from typing import Any

import pytest

from jose_seals import CONTENT, CONTEXT, STATEMENT, TRANSPORT, XML, Exchange, code_of
from message_world import NOW
from wardgate.fhir import Version
from wardgate.sealing import header_readable
from wardgate.sealing.header_readable import STAND_IN, is_header_readable
from wardgate.sealing.model import Sealed

EXCHANGE = Exchange()
JSON = "application/fhir+json"
BINARY = "urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e0b"


def message(version: Version = Version.STU3, **changes: Any) -> dict[str, Any]:
    """An outer message; changes replace members of its header."""
    event = {"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2", "code": "ITK007C", "display": "ITK GP Connect Send Document"}
    header: dict[str, Any] = {"resourceType": "MessageHeader", "id": CONTEXT.message_id, "source": {"endpoint": "X26OT001"}, "focus": [{"reference": BINARY}]}
    header |= {"event": event, "timestamp": "2026-03-01T12:00:00+00:00"} if version is Version.STU3 else {"eventCoding": event}
    held = {"resourceType": "Binary", "contentType": "application/jose+json", ("content" if version is Version.STU3 else "data"): STAND_IN.decode()}
    return {
        "resourceType": "Bundle", "type": "message", "entry": [{"fullUrl": "urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03", "resource": header | changes}, {"fullUrl": BINARY, "resource": held}],
    }


XML_MESSAGE = f"""<Bundle xmlns="http://hl7.org/fhir"><type value="message"/><entry><fullUrl value="urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03"/><resource>
<MessageHeader><id value="{CONTEXT.message_id}"/><event><system value="https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2"/><code value="ITK007C"/></event>
<timestamp value="2026-03-01T12:00:00+00:00"/><source><endpoint value="X26OT001"/></source><focus><reference value="{BINARY}"/></focus></MessageHeader></resource></entry>
<entry><fullUrl value="{BINARY}"/><resource><Binary><contentType value="application/jose+json"/><content value="{STAND_IN.decode()}"/></Binary></resource></entry></Bundle>""".encode()


def seal(outer: Any = None, media_type: str = JSON, **changes: Any) -> Sealed:
    """Seal with a clear message around it."""
    octets = outer if isinstance(outer, bytes) else json.dumps(outer or message()).encode()
    settings: dict[str, Any] = {"directory": EXCHANGE.world, "now": NOW, "random": os.urandom} | changes
    return header_readable.seal(octets, media_type, CONTENT, XML, CONTEXT, STATEMENT, EXCHANGE.signer, [EXCHANGE.key(EXCHANGE.recipient)], **settings)


def opened(body: bytes, media_type: str = JSON, **changes: Any) -> header_readable.ReadableOpened:
    """Open it."""
    settings: dict[str, Any] = {"transport": TRANSPORT, "held": EXCHANGE.world, "directory": EXCHANGE.world, "now": NOW} | changes
    return header_readable.open_seal(body, media_type, **settings)


@pytest.mark.parametrize(("outer", "media_type", "version"), [
    (json.dumps(message()).encode(), JSON, Version.STU3), (json.dumps(message(Version.R4), indent=2).encode(), JSON, Version.R4), (XML_MESSAGE, XML, Version.STU3),
], ids=["STU3 JSON", "R4 JSON", "STU3 XML"])
def test_both_parts_come_out(outer: bytes, media_type: str, version: Version) -> None:
    """The payload, and the clear message as it was read."""
    sealed = seal(outer, media_type, version=version)
    assert sealed.media_type == media_type
    assert is_header_readable(sealed.body)
    result = opened(sealed.body, media_type, version=version)
    assert result.opened.content == CONTENT
    assert result.opened.signatures[0].covers.endswith("and the context, and what travels in clear")
    assert result.outer["entry"][0]["resource"]["id"] == CONTEXT.message_id


def test_every_octet_in_clear_counts() -> None:
    """White space, the order of members, a display: whatever is changed around the seal."""
    body = seal(XML_MESSAGE, XML).body
    for old, new in ((b"\n<timestamp", b" <timestamp"), (b"12:00:00", b"12:00:01"), (b"ITK007C", b"ITK008M"), (b"X26OT001", b"X26OT002"), (b"</Bundle>", b"</Bundle> "), (b"</Bundle>", b"<!-- --></Bundle>")):
        assert body.count(old) >= 1
        assert code_of(opened, body.replace(old, new), XML) == "seal-context"


def test_a_payload_under_another_header() -> None:
    """A seal made for one clear message does not fit another, nor none."""
    body, other = seal().body, json.dumps(message(timestamp="2026-03-01T12:00:01+00:00")).encode()
    sealed_text = next(entry["resource"]["content"] for entry in json.loads(body)["entry"] if entry["resource"]["resourceType"] == "Binary")
    assert code_of(opened, other.replace(STAND_IN, sealed_text.encode())) == "seal-context"
    assert EXCHANGE.refusal(b64decode(sealed_text)) == "seal-algorithm-refused"
    plain = b64encode(EXCHANGE.seal().body)
    assert code_of(opened, json.dumps(message()).encode().replace(STAND_IN, plain)) == "seal-algorithm-refused"


def with_entry(resource: dict[str, Any], url: str = "urn:uuid:1", *, first: bool = False) -> dict[str, Any]:
    """A message with one entry more."""
    made = message()
    made["entry"].insert(0 if first else 2, {"fullUrl": url, "resource": resource})
    return made


STRUCTURES: list[tuple[str, Any, str]] = [
    ("a focus on something else", message(focus=[{"reference": "urn:uuid:1"}]), "signature-wrapped"),
    ("no focus", {**message(), "entry": [{"fullUrl": "urn:uuid:2", "resource": {**message()["entry"][0]["resource"], "focus": []}}, message()["entry"][1]]}, "seal-malformed"),
    ("two foci", message(focus=[{"reference": BINARY}, {"reference": "urn:uuid:1"}]), "signature-wrapped"),
    ("two entries of one name", with_entry({"resourceType": "Patient"}, BINARY), "signature-wrapped"),
    ("the header is not first", with_entry({"resourceType": "Patient"}, first=True), "signature-wrapped"),
    ("no message", message() | {"type": "collection"}, "signature-wrapped"),
    ("no place for the payload", json.dumps(message()).encode().replace(STAND_IN, b"AAAA"), "seal-malformed"),
    ("two places for the payload", with_entry({"resourceType": "Binary", "contentType": "application/jose+json", "content": STAND_IN.decode()}), "seal-malformed"),
    ("no FHIR", b'{"resourceType":"Bundle","x":"aXRrMy1zZWFsLTE="}', "seal-malformed"),
    ("another message id", message(id="other"), "seal-context"),
    ("another endpoint", message(source={"endpoint": "RJ1OT001"}), "seal-context"),
    ("another event", message(event={"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-MessageEvent-2", "code": "ITK008M"}), "seal-context"),
]


@pytest.mark.parametrize(("outer", "code"), [row[1:] for row in STRUCTURES], ids=[row[0] for row in STRUCTURES])
def test_what_is_no_outer_message(outer: Any, code: str) -> None:
    """It is not sealed."""
    assert code_of(seal, outer) == code


def test_what_is_no_such_form() -> None:
    """Too many seals, none, one that is no base64, another media type."""
    body = seal().body
    assert code_of(opened, json.dumps(message()).encode()) == "seal-malformed"
    assert code_of(opened, body + body) == "seal-malformed"
    assert code_of(opened, body.replace(b"eyJwcm90ZWN0ZWQiOiJ", b"eyJwcm90ZWN0ZWQiOiJ*", 1)) == "seal-malformed"
    assert code_of(opened, body, "text/plain") == "seal-malformed"
    assert not is_header_readable(CONTENT)
    assert code_of(opened, b" " * 40_000_000) == "seal-too-large"
