"""Making a message of what an application has: resources, or a document's bundle."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from unit.itk3.sample import NOW, SENDER, SENDING, counted, letter, resources
from wardgate.fhir import Version
from wardgate.itk3 import NotAccepted, Party, Sending, build, document_facts, payload_of


def made(content: Any, seed: str = "a", **more: Any) -> dict[str, Any]:
    """The payload of a message."""
    return build(content, SENDING, now=NOW, random=counted(seed), **more).payload or {}


@pytest.mark.parametrize("version", Version)
def test_resources_become_a_document(version: Version) -> None:
    """With an id, an identifier and a date, every resource under a URL of its own, and references that lead there."""
    payload = made(resources(version), version=version)
    assert (payload["type"], payload["meta"]["lastUpdated"]) == ("document", "2026-01-05T10:00:00+00:00")
    assert payload["meta"]["profile"] == ["https://fhir.nhs.uk/STU3/StructureDefinition/ITK-Document-Bundle-1"]
    assert set(payload["identifier"]) == {"system", "value"}
    assert ("timestamp" in payload) is (version is Version.R4)
    urls = [row["fullUrl"] for row in payload["entry"]]
    composition = payload["entry"][0]["resource"]
    assert len(set(urls)) == 4
    assert [composition["subject"]["reference"], composition["author"][0]["reference"], composition["section"][0]["entry"][0]["reference"]] == urls[1:]
    assert composition["identifier"]["value"]
    assert composition["id"] == urls[0].removeprefix("urn:uuid:")
    assert [row["resource"]["id"] for row in payload["entry"][1:]] == ["p", "d", "b"]


def test_what_a_document_has_stays() -> None:
    """A document is never changed once it has been sent: built again, it is the same."""
    first = made(resources())
    assert made(first, "b") == first
    assert made(deepcopy(first), "b", nested=False)["entry"] == first["entry"]


def test_what_is_given_is_not_changed() -> None:
    """The caller's resources stay as they are."""
    given = resources()
    made(given)
    assert given == resources()


def test_addresses_become_urls_of_the_bundle() -> None:
    """As a server gives a document: by absolute addresses, with versions."""
    base = "https://example.org/STU3/"
    rows = [{"fullUrl": f"{base}{one['resourceType']}/{one.get('id', 'c')}", "resource": one} for one in resources()]
    rows[0]["resource"]["id"] = "c"
    rows[0]["resource"]["subject"]["reference"] = f"{base}Patient/p/_history/3"
    rows[0]["resource"]["section"][0]["entry"][0]["reference"] = f"{base}Binary/b"
    rows[1]["resource"]["photo"] = [{"url": f"{base}Binary/b"}]
    payload = made({"resourceType": "Bundle", "type": "document", "entry": rows})
    urls = [row["fullUrl"] for row in payload["entry"]]
    assert payload["entry"][0]["resource"]["subject"]["reference"] == urls[1]
    assert payload["entry"][0]["resource"]["section"][0]["entry"][0]["reference"] == payload["entry"][1]["resource"]["photo"][0]["url"] == urls[3]
    assert all(url.startswith("urn:uuid:") for url in urls)


def test_other_resources_become_a_collection() -> None:
    """What has no Composition is no document, and facts of its patient are found all the same."""
    payload = made(resources()[1:])
    assert payload["type"] == "collection"
    facts = document_facts(payload)
    assert (facts.type, facts.composition, facts.patient) == (None, None, "9000000009")
    assert made(resources()[1])["entry"][0]["resource"]["resourceType"] == "Patient"


REFUSED = (
    ("20009", lambda r: r[0].pop("status"), "Bundle.entry[3].resource.Bundle.entry[0].resource.Composition.status"),
    ("20009", lambda r: r[0]["subject"].update(reference="Patient/other"), "Bundle.entry[3].resource.Bundle.entry[0].resource.Composition.subject.reference"),
    ("20009", lambda r: r[1].update(photo=[{"url": "https://example.org/a.png"}]), "Bundle.entry[3].resource.Bundle.entry[1].resource.Patient.photo[0].url"),
    ("20005", lambda r: r[3].update(contentType="application/zip"), "Bundle.entry[3].resource.Bundle.entry[3].resource.Binary.contentType"),
    ("20009", lambda r: r[1].update(nonsense=1), "Patient"),
    ("20009", lambda r: r[1].pop("resourceType"), "resource"),
    ("20009", lambda r: r.clear(), "Bundle.entry[3].resource.Bundle.entry"),
)


@pytest.mark.parametrize(("code", "change", "where"), REFUSED)
def test_what_no_message_may_carry_is_refused(code: str, change: Any, where: str) -> None:
    """Before it is sent, by the rules of those who read it, at the element's path."""
    given = resources()
    change(given)
    with pytest.raises(NotAccepted) as refused:
        made(given)
    assert (refused.value.code, refused.value.problems[0].where) == (code, where)


def test_a_signed_bundle_is_refused() -> None:
    """Bundle.signature is forbidden in ITK3: a message is signed from outside."""
    payload = made(resources()) | {"signature": {"whoUri": "https://example.org"}}
    with pytest.raises(NotAccepted, match=r"Bundle\.signature"):
        made(payload)


@pytest.mark.parametrize(("sending", "code"), [
    (replace(SENDING, endpoint=""), "20006"), (replace(SENDING, sender=Party()), "20006"), (replace(SENDING, event="ITK008M"), "10008"),
    (replace(SENDING, event="ITK999X"), "20006"), (replace(SENDING, business_ack=False), "10008"), (replace(SENDING, definition="x"), "10004"),
    (replace(SENDING, sender_reference=""), "10007"),
])  # fmt: skip
def test_a_sending_that_no_message_may_say(sending: Sending, code: str) -> None:
    """The header is checked as well."""
    with pytest.raises(NotAccepted) as refused:
        build(resources(), sending, now=NOW, random=counted())
    assert refused.value.code == code


def test_a_time_has_an_offset() -> None:
    """A naive one is a fault of the caller."""
    with pytest.raises(ValueError, match="offset"):
        build(resources(), SENDING, now=NOW.replace(tzinfo=None), random=counted())


def test_ids_are_uuids_of_their_versions() -> None:
    """Made ones are of version 4, and those that follow from others of version 8."""
    message = letter()
    assert {one[14] for one in (message.bundle_id, message.bundle_identifier, message.message_id)} == {"4"}
    assert len({message.bundle_id, message.bundle_identifier, message.message_id}) == 3
    payload = payload_of(resources(), now=NOW, random=counted())
    assert payload["id"][14] == "4"
    assert message.sender == SENDER
