"""A synthetic letter: outpatient, by GP Connect Send Document, with one attachment (itk3-messaging 1.9). And ids that are no secret."""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from wardgate.fhir import Version
from wardgate.itk3 import Message, Party, Sending, build

NOW: Final = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
SENDER: Final = Party(ods="X26")
RECEIVER: Final = Party(ods="RY6")
SENDING: Final = Sending(SENDER, "X26OT001", "ITK007C", receiver=RECEIVER, sender_reference="SYNTH-ENC-0001")
NHS_NUMBER: Final = "9000000009"
LETTER: Final = "823681000000100"


def counted(seed: str = "a") -> Callable[[int], bytes]:
    """Return octets that are the same in every run."""
    calls = 0

    def octets(size: int) -> bytes:
        nonlocal calls
        calls += 1
        return sha256(f"{seed} {calls}".encode()).digest()[:size]

    return octets


def resources(version: Version = Version.STU3) -> list[dict[str, Any]]:
    """Return the resources of the letter, Composition first, which name each other by type and id."""
    content = "content" if version is Version.STU3 else "data"
    return [
        {
            "resourceType": "Composition", "status": "final", "type": {"coding": [{"system": "http://snomed.info/sct", "code": LETTER}]},
            "subject": {"reference": "Patient/p"}, "date": "2026-01-05T09:45:00+00:00", "author": [{"reference": "Practitioner/d"}],
            "title": "Outpatient letter", "confidentiality": "N", "section": [{"title": "Letter", "entry": [{"reference": "Binary/b"}]}],
        },
        {
            "resourceType": "Patient", "id": "p", "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": NHS_NUMBER}],
            "name": [{"family": "SYNTHETIC", "given": ["Test"]}], "gender": "female", "birthDate": "1980-01-01",
        },
        {"resourceType": "Practitioner", "id": "d", "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "555021935107"}]},
        {"resourceType": "Binary", "id": "b", "contentType": "text/plain", content: "U3ludGhldGljIGxldHRlci4="},
    ]  # fmt: skip


def letter(version: Version = Version.STU3, *, nested: bool = True) -> Message:
    """Return the message."""
    return build(resources(version), SENDING, now=NOW, random=counted(), version=version, nested=nested)
