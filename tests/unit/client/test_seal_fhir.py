"""Signatures inside FHIR by the SDK: in JSON and in XML, and what is changed afterwards."""

import json

import pytest

from message_world import NOW, World
from unit.itk3.sample import counted, resources
from wardgate.client.seal_fhir import sign_bundle, sign_resource, verify_bundle, verify_resource
from wardgate.fhir import Format, Version, write
from wardgate.itk3 import payload_of
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Purpose


@pytest.fixture
def world() -> World:
    """X26 signs."""
    made = World()
    made.add("X26", Use.SIGNING)
    return made


class Never:
    """A time-stamping authority that nobody asks."""

    def stamp(self, sha256: bytes) -> bytes:
        """Is not called."""
        raise AssertionError(sha256)


def bundle(form: Format) -> bytes:
    """A document."""
    return write(payload_of(resources(Version.R4), now=NOW, random=counted(), version=Version.R4), form, Version.R4)


@pytest.mark.parametrize("form", Format)
def test_a_bundle(world: World, form: Format) -> None:
    """Who signed, why, and nothing that was changed since."""
    signed = sign_bundle(bundle(form), organisation="X26", keys=world, purpose=Purpose.REVIEW, role="R8000", now=NOW)
    found = verify_bundle(signed, keys=world, now=NOW).signed
    assert (found.organisation, found.statement.purpose, found.statement.role) == ("X26", Purpose.REVIEW, "R8000")
    with pytest.raises(SealRefused) as refused:
        verify_bundle(signed.replace(b"SYNTHETIC", b"SOMEBODY"), keys=world, now=NOW)
    assert refused.value.code == "signature-invalid"


def test_a_resource(world: World) -> None:
    """By a Provenance beside it."""
    patient = json.dumps(resources(Version.R4)[1]).encode()
    provenance = sign_resource(patient, "Patient/p", organisation="X26", keys=world, now=NOW)
    assert verify_resource(provenance, patient, keys=world, now=NOW).covered["id"] == "p"  # type: ignore[index]
    with pytest.raises(SealRefused):
        verify_resource(provenance, patient.replace(b"female", b"male"), keys=world, now=NOW)


def test_what_cannot_be(world: World) -> None:
    """A signer without a key, and a time-stamp where there is no place for one."""
    for form, stamper, organisation, code in ((Format.JSON, None, "RY6", "signing-key-unavailable"), (Format.XML, Never(), "X26", "time-stamp-missing")):
        with pytest.raises(SealRefused) as refused:
            sign_bundle(bundle(form), organisation=organisation, keys=world, stamper=stamper, now=NOW)
        assert refused.value.code == code
