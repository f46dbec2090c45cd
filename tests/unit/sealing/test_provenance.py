"""Provenance.signature: over one target, and no other."""

import json
from typing import Any

import pytest

from jose_seals import code_of
from message_world import NOW, World
from wardgate.fhir import Version
from wardgate.sealing.canonical_forms import Form
from wardgate.sealing.fhir_signature import VerifiedResource
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Statement
from wardgate.sealing.provenance import sign_resource, verify_in_bundle, verify_resource

WORLD = World()
SIGNER = WORLD.add("X26", Use.SIGNING)
TARGET: dict[str, Any] = {"resourceType": "DocumentReference", "id": "d1", "status": "current", "description": "Letter"}
REFERENCE = "DocumentReference/d1"


def signed(reference: str = REFERENCE, **changes: Any) -> dict[str, Any]:
    """A Provenance over the target."""
    return json.loads(sign_resource(json.dumps(changes.pop("target", TARGET)).encode(), reference, Statement(NOW), SIGNER, "X26", **changes))


def verified(provenance: dict[str, Any], target: dict[str, Any] | None = None, **changes: Any) -> VerifiedResource:
    """What it proves of the target."""
    return verify_resource(json.dumps(provenance).encode(), json.dumps(target or TARGET).encode(), **({"directory": WORLD, "now": NOW} | changes))


def bundled(*entries: tuple[str, dict[str, Any]]) -> bytes:
    """A Bundle of entries."""
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": url, "resource": resource} for url, resource in entries]}).encode()


def in_bundle(bundle: bytes) -> VerifiedResource:
    """What the Provenance in a Bundle proves."""
    return verify_in_bundle(bundle, directory=WORLD, now=NOW)


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("reference", [REFERENCE, "urn:uuid:d1", "https://x.example/R4/DocumentReference/d1"])
def test_what_is_signed_is_verified(reference: str, version: Version) -> None:
    """The whole target, by any of its names."""
    result = verified(signed(reference, version=version), version=version)
    assert (result.resource, result.signed.organisation) == (TARGET, "X26")
    assert result.signed.covers.startswith("the whole resource")


ROWS: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("the target", {}, {"description": "Forged"}, "signature-invalid"),
    ("a member more", {}, {"x": 1}, "signature-invalid"),
    ("another target's id", {}, {"id": "d2"}, "signature-wrapped"),
    ("another target's id, named", {"target": [{"reference": "DocumentReference/d2"}]}, {"id": "d2"}, "signature-invalid"),
    ("another type", {}, {"resourceType": "Patient"}, "signature-wrapped"),
    ("two targets", {"target": [{"reference": REFERENCE}, {"reference": "Patient/1"}]}, {}, "signature-wrapped"),
    ("no target", {"target": []}, {}, "signature-wrapped"),
    ("another agent", {"agent": [{"who": {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "RY6"}}}]}, {}, "signer-organisation"),
    ("two agents", {"agent": [{"who": {}}, {"who": {}}]}, {}, "seal-malformed"),
    ("no signature", {"signature": []}, {}, "seal-malformed"),
    ("two signatures", {"signature": [{}, {}]}, {}, "seal-malformed"),
    ("no Provenance", {"resourceType": "Patient"}, {}, "seal-malformed"),
]


@pytest.mark.parametrize(("provenance", "target", "code"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_was_not_signed_is_not_proved(provenance: dict[str, Any], target: dict[str, Any], code: str) -> None:
    """Nothing changed afterwards passes, in either resource."""
    assert code_of(verified, signed() | provenance, TARGET | target) == code


def test_what_is_not_signed() -> None:
    """A target that is not the one named, and a form that is not for it."""
    assert code_of(signed, "DocumentReference/d2") == "signature-wrapped"
    assert code_of(signed, form=Form.DOCUMENT) == "seal-algorithm-refused"
    assert code_of(verified, signed(form=Form.DATA)) == "signature-wrapped"


def test_in_a_bundle() -> None:
    """The entry that is named is what comes out."""
    found = in_bundle(bundled(("urn:uuid:p", signed()), ("urn:uuid:x", {"resourceType": "Patient", "id": "1"}), ("urn:uuid:t", TARGET)))
    assert found.resource == TARGET
    assert in_bundle(bundled(("urn:uuid:p", signed("urn:uuid:d1")), ("urn:uuid:d1", TARGET))).resource == TARGET


FORGED = TARGET | {"description": "Forged"}
WRAPPED: list[tuple[str, bytes, str]] = [
    ("two entries of one id", bundled(("urn:uuid:p", signed()), ("urn:uuid:1", TARGET), ("urn:uuid:2", FORGED)), "signature-wrapped"),
    ("two entries of one full url", bundled(("urn:uuid:p", signed("urn:uuid:d1")), ("urn:uuid:d1", TARGET), ("urn:uuid:d1", FORGED)), "signature-wrapped"),
    ("the forged one in the signed one's place", bundled(("urn:uuid:p", signed("urn:uuid:d1")), ("urn:uuid:d1", FORGED), ("urn:uuid:d2", TARGET)), "signature-invalid"),
    ("the signed one out of reach", bundled(("urn:uuid:p", signed()), ("urn:uuid:1", {"resourceType": "List", "id": "1", "contained": [TARGET]})), "signature-wrapped"),
    ("two Provenances", bundled(("urn:uuid:p", signed()), ("urn:uuid:q", signed()), ("urn:uuid:1", TARGET)), "signature-wrapped"),
    ("a Provenance of itself", bundled(("urn:uuid:p", signed() | {"target": [{"reference": "urn:uuid:p"}]}), ("urn:uuid:1", TARGET)), "signature-wrapped"),
    ("no Provenance", bundled(("urn:uuid:1", TARGET)), "seal-signature-missing"),
    ("an entry without a resource", b'{"resourceType":"Bundle","entry":[{}]}', "seal-malformed"),
    ("no entries", b'{"resourceType":"Bundle"}', "seal-malformed"),
    ("a thousand and one", bundled(*[("urn:uuid:1", {"resourceType": "Patient"})] * 1_001), "seal-malformed"),
]


@pytest.mark.parametrize(("bundle", "code"), [row[1:] for row in WRAPPED], ids=[row[0] for row in WRAPPED])
def test_wrapping_is_refused(bundle: bytes, code: str) -> None:
    """Where two things could be meant, nothing is proved."""
    assert code_of(in_bundle, bundle) == code
