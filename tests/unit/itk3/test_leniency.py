"""Limits, what a lenient reader passes over, and what was agreed locally."""

from copy import deepcopy
from typing import Final

import pytest

from unit.itk3.changes import (
    HANDLING,
    HEADER,
    NATIONAL,
    PAYLOAD,
    URN,
    Change,
    definition,
    header,
    inside,
    key,
    keys,
    payload,
    put,
)
from unit.itk3.sample import NOW, SENDER, counted, letter
from wardgate import fhir
from wardgate.fhir import Format, Version
from wardgate.itk3 import NotAccepted, Rules, accept, bundle_of, read, respond, write

LAX: Final = Rules(strict=False)


def test_limits() -> None:
    """Bytes, entries, values and depth: all of them 20015, and the header is named when it can be."""
    data = write(letter())
    with pytest.raises(NotAccepted) as refused:
        read(data, Rules(max_bytes=len(data) - 1))
    assert (refused.value.code, refused.value.original.message_id) == ("20015", letter().message_id)
    with pytest.raises(NotAccepted) as refused:
        read(data, Rules(max_entries=7))
    assert (refused.value.code, refused.value.problems[0].where) == ("20015", "Bundle.entry")
    assert read(data, Rules(max_bytes=len(data), max_entries=8)) == letter()
    deep = data.replace(b"<Composition>", b"<Composition>" + b'<extension url="x">' * 70 + b"</extension>" * 70)
    with pytest.raises(NotAccepted) as refused:
        read(deep)
    assert refused.value.code == "20015"
    many = data.replace(b"<Composition>", b"<Composition>" + b"<language/>" * 300_000)
    with pytest.raises(NotAccepted) as refused:
        read(many)
    assert refused.value.code == "20015"


def test_a_large_attachment_is_within_the_limit() -> None:
    """4 MB of it, which a resource of its own may not have."""
    bundle = deepcopy(bundle_of(letter()))
    inside(bundle, 3)["content"] = "QUJD" * 1_000_000
    for form in Format:
        assert (read(fhir.write(bundle, form, Version.STU3)).payload or {})["entry"][3]["resource"]["content"] == "QUJD" * 1_000_000


LENIENT: Final[tuple[tuple[str, Change, str], ...]] = (
    ("PriorityFlag", lambda b: keys(b).append({"url": "PriorityFlag", "valueBoolean": True}), f"{HANDLING}.extension[6]"),
    ("a key of nobody", lambda b: keys(b).append({"url": "SealProfile", "valueString": "x"}), f"{HANDLING}.extension[6]"),
    ("no LocalExtension", lambda b: keys(b).pop(5), HANDLING),
    ("flags that the payload has otherwise", key(0, valueBoolean=False), f"{HEADER}.extension"),
    ("a national definition that is not known", key(3, **definition(f"{NATIONAL}ITK-X-MessageDefinition-1")), f"{HANDLING}.extension[3].valueReference"),
    ("a sender with a name", lambda b: put(b["entry"][1]["resource"], "name", "Hospital"), "Bundle.entry[1].resource.Organization.name"),
    ("a resource beside", lambda b: b["entry"].append({"fullUrl": URN, "resource": {"resourceType": "Patient"}}), "Bundle.entry[4].resource"),
    ("no date", lambda b: payload(b)["meta"].pop("lastUpdated"), f"{PAYLOAD}.meta.lastUpdated"),
)  # fmt: skip


@pytest.mark.parametrize(("change", "where"), [row[1:] for row in LENIENT], ids=[row[0] for row in LENIENT])
def test_a_lenient_reader_passes_some_over_and_says_so(change: Change, where: str) -> None:
    """What a strict one refuses is a warning, and the message is the same else."""
    bundle = deepcopy(bundle_of(letter()))
    change(bundle)
    with pytest.raises(NotAccepted):
        accept(deepcopy(bundle), Version.STU3)
    message = accept(bundle, Version.STU3, LAX)
    assert message.message_id == letter().message_id
    assert [warning.partition(": ")[0] for warning in message.warnings] == [where]


def test_what_was_agreed_locally_is_read() -> None:
    """Keys, definitions and events that both sides know, and they are written again."""
    bundle = deepcopy(bundle_of(letter()))
    keys(bundle).append({"url": "SealProfile", "valueString": "itk3-seal-1"})
    keys(bundle)[3] |= definition("https://example.org/MessageDefinition/1")
    header(bundle)["event"] |= {"code": "LOCAL1", "display": "Local"}
    rules = Rules(local_keys=frozenset({"SealProfile"}), other_definitions=frozenset({"https://example.org/MessageDefinition/1"}), events={"LOCAL1": "Local"})
    message = accept(bundle, Version.STU3, rules)
    assert message.handling.more == ({"url": "SealProfile", "valueString": "itk3-seal-1"},)
    assert read(write(message, rules=rules), rules) == message


def test_types_of_attachments_are_settings() -> None:
    """Not supported is 20005; supported but not approved is 20004."""
    data = write(letter())
    for rules, code in ((Rules(supported_types=frozenset({"image/png"})), "20005"), (Rules(approved_types=frozenset({"image/png"})), "20004")):
        with pytest.raises(NotAccepted) as refused:
            read(data, rules)
        assert refused.value.code == code


def test_a_lenient_reader_takes_a_response_without_all_keys_or_names() -> None:
    """As test harnesses write them: the flags that are missing are false, and its sender has a name only."""
    bundle = deepcopy(bundle_of(respond(letter(), "20013", sender=SENDER, endpoint="X26OT001", now=NOW, random=counted())))
    header(bundle)["extension"][0]["extension"] = keys(bundle)[1:3]
    bundle["entry"][1]["resource"] = {"resourceType": "Practitioner", "name": [{"family": "Harness"}]}
    message = accept(bundle, Version.STU3, LAX)
    assert (message.handling.business_ack, message.handling.infrastructure_ack, message.sender.is_person) == (False, False, True)
    with pytest.raises(NotAccepted):
        accept(bundle, Version.STU3)
