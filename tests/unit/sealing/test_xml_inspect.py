"""Looking at an XML seal without believing it."""

from os import urandom

import pytest

from message_world import NOW, RSA_KEY, World
from time_stamping import Authority
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Context, Limits, Statement, Suite
from wardgate.sealing.xml import seal
from wardgate.sealing.xml_inspect import inspect_xml
from wardgate.xmlsecurity import names

CONTEXT = Context("X26OT001", "X26", ("RY6OT002",), "TOC_FHIR_IP_DISCH", "id-1", "ITK003D")


def test_each_layer_says_what_can_be_seen() -> None:
    """Outside: recipients and algorithms, and no context; inside: the context and who says it signed."""
    world = World()
    signer = world.add("X26", Use.SIGNING)
    world.add("RY6", Use.ENCRYPTION)
    world.add("RY6", Use.ENCRYPTION, private=RSA_KEY)
    made = [
        seal(b"{}", "application/fhir+json", CONTEXT, Statement(NOW), signer, recipients, directory=world, now=NOW, random=urandom, stamper=stamper).body
        for recipients, stamper in ((world.encryption_keys("RY6"), None), ((), Authority(world)))
    ]
    outside, inside = inspect_xml(made[0]), inspect_xml(made[1])
    assert (outside.suite, outside.header, outside.context) == (Suite.XML, {"enc": names.AES256_GCM}, None)
    assert {one["alg"] for one in outside.recipients} == {names.AES256_KW, names.RSA_OAEP}
    assert {one["kid"] for one in outside.recipients} == {key.kid for key in world.encryption_keys("RY6")}
    assert (inside.header, inside.beside) == ({"alg": names.ECDSA_SHA256, "kid": signer.kid, "cty": "application/fhir+json"}, ("sigTst",))
    assert (inside.context, inside.encrypted_bytes) == (CONTEXT, 0)
    assert outside.encrypted_bytes > 1000


def test_what_is_no_xml_seal_is_refused() -> None:
    """By its form, and by its size."""
    for body, limits, code in ((b"{}", Limits(), "seal-malformed"), (b"<a/>", Limits(), "seal-malformed"), (b"<a/>", Limits(max_sealed_bytes=2), "seal-too-large")):
        with pytest.raises(SealRefused) as caught:
            inspect_xml(body, limits)
        assert caught.value.code == code
