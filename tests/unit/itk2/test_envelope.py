"""The DistributionEnvelope: every count and id, payloads opened from it, and the answer."""

from collections.abc import Callable
from datetime import UTC, datetime
from os import urandom

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from itk2_payloads import PAYLOAD_ID, Reader, encrypted, java_name, signed
from message_world import NOW, RSA_KEY, World, common_name
from wardgate.itk2.envelope import organisation_of, read_envelope
from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import ErrorInfo, InfrastructureResponse, Result
from wardgate.itk2.payload import context_of, open_encrypted
from wardgate.itk2.response import read_response, write_response
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Suite

SECOND_ID = "uuid_8B6F2C1E-0A4D-4C55-9C53-0D8A4F2B1E12"
SAMPLE = f"""<DistributionEnvelope xmlns="urn:nhs-itk:ns:201005"><header service="urn:nhs-itk:services:201005:SendCDADocument-v2-0" trackingid="2D37D9CA-5223-41C7-A159-F33D5A914EB5">
<addresslist><address uri="urn:nhs-uk:addressing:ods:RY6"/></addresslist><auditIdentity><id uri="urn:nhs-uk:identity:ods:X26:SYNTH"/></auditIdentity>
<manifest count="2"><manifestitem id="{PAYLOAD_ID}" mimetype="text/xml" base64="false" compressed="false" encrypted="true"/><manifestitem id="{SECOND_ID}" mimetype="text/plain" profileid="p1"/></manifest>
<senderAddress uri="urn:nhs-uk:addressing:ods:X26"/><handlingSpecification><spec key="urn:nhs-itk:ns:201005:interaction" value="urn:x"/></handlingSpecification>
</header><payloads count="2"><payload id="{SECOND_ID}">text</payload><payload id="{PAYLOAD_ID}"><!-- here --><EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"/></payload></payloads></DistributionEnvelope>"""


def test_the_sample_is_read() -> None:
    """Items and payloads are matched by id, whatever their order."""
    found = read_envelope(SAMPLE.encode())
    assert (found.service, found.tracking_id) == ("urn:nhs-itk:services:201005:SendCDADocument-v2-0", "2D37D9CA-5223-41C7-A159-F33D5A914EB5")
    assert (found.addresses, found.sender, found.handling) == (("urn:nhs-uk:addressing:ods:RY6",), "urn:nhs-uk:addressing:ods:X26", {"urn:nhs-itk:ns:201005:interaction": "urn:x"})
    first, second = found.payloads
    assert (first.id, first.encrypted, first.profile_id, first.body) == (PAYLOAD_ID, True, None, b'<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"/>')
    assert (second.id, second.encrypted, second.profile_id, second.body) == (SECOND_ID, False, "p1", b"text")
    assert context_of(found).sender_ods == "X26"


CHANGES: dict[str, tuple[str, str, str]] = {
    "another namespace": ("urn:nhs-itk:ns:201005", "urn:other", "DistributionEnvelope"),
    "no tracking id": (' trackingid="2D37D9CA-5223-41C7-A159-F33D5A914EB5"', "", "header"),
    "a tracking id that is no UUID": ("2D37D9CA-", "2D37D9C-", "header"),
    "no service": ('service="urn:nhs-itk:services:201005:SendCDADocument-v2-0" ', "", "header"),
    "an attribute that is not known": ("<header ", '<header x="1" ', "DistributionEnvelope"),
    "one item more than counted": ('manifest count="2"', 'manifest count="1"', "manifest"),
    "one item less than counted": ('manifest count="2"', 'manifest count="3"', "manifest"),
    "one payload more than counted": ('payloads count="2"', 'payloads count="1"', "payloads"),
    "a count that is no number": ('payloads count="2"', 'payloads count="+2"', "payloads"),
    "no count": ('payloads count="2"', "payloads", "payloads"),
    "a payload without an item": (f'<payload id="{SECOND_ID}"', f'<payload id="{SECOND_ID[:-1]}9"', "payloads"),
    "a payload twice": (f'<payload id="{SECOND_ID}"', f'<payload id="{PAYLOAD_ID}"', "payloads"),
    "an item twice": (f'<manifestitem id="{SECOND_ID}"', f'<manifestitem id="{PAYLOAD_ID}"', "payloads"),
    "an id without uuid_": ("uuid_7", "id_7", "manifestitem"),
    "a flag that is neither": ('compressed="false"', 'compressed="0"', "manifestitem"),
    "no media type": ('mimetype="text/plain" ', "", "manifestitem"),
    "nothing encrypted where it says so": ("EncryptedData", "Other", "payload"),
    "a text where it says encrypted": ('<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"/>', "text", "DistributionEnvelope"),
    "the sender before the manifest": ("<manifest ", '<senderAddress uri="urn:x"/><manifest ', "header"),
    "no addresses in the list": ('<address uri="urn:nhs-uk:addressing:ods:RY6"/>', "", "addresslist"),
    "a handling key twice": ("<spec ", '<spec key="urn:nhs-itk:ns:201005:interaction" value=""/><spec ', "handlingSpecification"),
    "a document type": ("<DistributionEnvelope", "<!DOCTYPE a><DistributionEnvelope", "DistributionEnvelope"),
}


@pytest.mark.parametrize(("old", "new", "where"), CHANGES.values(), ids=CHANGES)
def test_each_broken_rule_is_named(old: str, new: str, where: str) -> None:
    """By the element that breaks it."""
    assert old in SAMPLE
    with pytest.raises(ITK2Refused) as caught:
        read_envelope(SAMPLE.replace(old, new).encode())
    assert caught.value.where == where


def test_an_address_names_an_organisation() -> None:
    """With or without more behind the code."""
    assert organisation_of("urn:nhs-uk:addressing:ods:X26:dept:1") == "X26"
    for bad in (None, "", "urn:nhs-uk:addressing:ods:", "urn:nhs-uk:addressing:ods:x26", "urn:nhs-uk:identity:ods:X26"):
        with pytest.raises(ITK2Refused):
            organisation_of(bad)


def test_a_payload_opens_from_its_envelope() -> None:
    """Read, matched, opened behind the switch; the signer is the sender's."""
    world = World()
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = world.add("X26", Use.SIGNING, private=private)
    reader = world.add("RY6", Use.ENCRYPTION, private=RSA_KEY, usages=("data_encipherment",), subject=common_name("ry6", "RY6"))
    body = encrypted(signed(b'<a xmlns="urn:a">b</a>', private, signer.certificate, transformed=True), [Reader(java_name(reader.certificate), reader.certificate)])
    envelope = read_envelope(SAMPLE.replace('<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"/>', body.decode()).encode())
    first, second = envelope.payloads

    def opened(one: object, **changes: object) -> bytes:
        options = {"held": world, "directory": world, "now": NOW, "random": urandom, "suites": (Suite.ITK2_LEGACY,)} | changes
        return open_encrypted(envelope, one, **options).content  # type: ignore[arg-type]

    assert opened(first) == b'<a xmlns="urn:a">b</a>'
    with pytest.raises(SealRefused) as off:
        opened(first, suites=())
    assert off.value.code == "seal-suite-refused"
    with pytest.raises(ITK2Refused):
        opened(second)


RESPONSE = InfrastructureResponse(
    Result.FAILURE, datetime(2026, 3, 1, 12, tzinfo=UTC), "urn:nhs-itk:services:201005:SendCDADocument-v2-0", "2D37D9CA-5223-41C7-A159-F33D5A914EB5",
    "urn:nhs-uk:identity:ods:RY6", (ErrorInfo("1B6F2C1E", "1000", "Message is not well formed"),),
)


def test_a_response_is_read_as_it_was_written() -> None:
    """With errors and without."""
    assert read_response(write_response(RESPONSE)) == RESPONSE
    fine = InfrastructureResponse(Result.OK, RESPONSE.timestamp, RESPONSE.service, RESPONSE.tracking_id, RESPONSE.reporting_identity)
    assert read_response(write_response(fine)) == fine
    with pytest.raises(ITK2Refused):
        write_response(InfrastructureResponse(Result.FAILURE, RESPONSE.timestamp, "", "", ""))


RESPONSES: dict[str, Callable[[bytes], bytes]] = {
    "another result": lambda data: data.replace(b"Failure", b"Perhaps"),
    "another code system": lambda data: data.replace(b"4.17.268", b"4.17.269"),
    "a code that is no number": lambda data: data.replace(b">1000<", b">x<"),
    "no identity": lambda data: data.replace(b"reportingIdentity", b"other"),
    "another namespace": lambda data: data.replace(b"urn:nhs-itk:ns:201005", b"urn:other"),
    "no XML": lambda data: data[:-3],
}


@pytest.mark.parametrize("change", RESPONSES.values(), ids=RESPONSES)
def test_a_response_that_is_not_whole_is_refused(change: Callable[[bytes], bytes]) -> None:
    """Each rule."""
    with pytest.raises(ITK2Refused):
        read_response(change(write_response(RESPONSE)))
