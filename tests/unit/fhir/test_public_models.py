"""The tables of elements against public models of FHIR, and what we write read by them: resources of any shape."""

import ast
import importlib
import json
from importlib.resources import files
from typing import Any

import pytest

from flows.samples.test_adjustments import condition, consent, flag, listed
from flows.samples.test_pointers import pointer
from wardgate.fhir import Format, Version, read, write
from wardgate.fhir.elements import definitions

RELEASES = {Version.STU3: "STU3", Version.R4: "R4B"}
FOLDER = files("fhir.resources")
NOT_IN_R4B = {
    "EffectEvidenceSynthesis", "MedicinalProduct", "MedicinalProductAuthorization", "MedicinalProductContraindication",
    "MedicinalProductIndication", "MedicinalProductIngredient", "MedicinalProductInteraction", "MedicinalProductManufactured",
    "MedicinalProductPackaged", "MedicinalProductPharmaceutical", "MedicinalProductUndesirableEffect", "RiskEvidenceSynthesis",
    "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation", "SubstanceSourceMaterial",
    "SubstanceSpecification",
}  # fmt: skip
MADE_ANEW = {"Evidence", "EvidenceVariable"}
ADDED = {"ActivityDefinition": "subjectCanonical", "PlanDefinition": "subjectCanonical"}
"""What R4B took out of R4, changed and added; the models that are installed are R4B's."""


def model(version: Version, name: str) -> Any:
    """The public model of a resource."""
    return getattr(importlib.import_module(f"fhir.resources.{RELEASES[version]}.{name.lower()}"), name)


def sequence(version: Version, name: str) -> list[str]:
    """The names of its elements, read from its text: importing all models takes half a minute."""
    text = FOLDER.joinpath(RELEASES[version], f"{name.lower()}.py").read_text(encoding="utf-8")
    listed = text.split(f"class {name}(", 1)[1].split("def elements_sequence", 1)[1].split("return ", 1)[1]
    found: list[str] = ast.literal_eval(listed[: listed.index("]") + 1])
    return found


@pytest.mark.parametrize("version", Version)
def test_elements_and_their_order(version: Version) -> None:
    """Every resource has the elements of its public model, in the same order."""
    known = definitions(version)
    compared = known.resources - (NOT_IN_R4B | MADE_ANEW if version is Version.R4 else set())
    for name in compared:
        added = ADDED.get(name) if version is Version.R4 else None
        theirs = dict.fromkeys(sequence(version, name))  # they name a choice of references once for each target
        assert list(known.types[name]) == [element for element in theirs if element != added], name
    assert len(compared) == {Version.STU3: 117, Version.R4: 126}[version]


SAMPLES = (pointer(), consent(), flag(), condition(), listed("Condition/1"))


@pytest.mark.parametrize("resource", SAMPLES, ids=lambda found: found["resourceType"])
def test_what_we_write_is_read_alike(resource: dict[str, Any]) -> None:
    """Our JSON and our XML are the same resource to the public model. Its own XML repeats choices of references, so it is not read."""
    whole = read(json.dumps(resource).encode(), Format.JSON, Version.STU3)
    public = model(Version.STU3, resource["resourceType"])
    from_json = public.model_validate_json(write(whole, Format.JSON, Version.STU3))
    from_xml = public.model_validate_xml(write(whole, Format.XML, Version.STU3))
    assert from_json.model_dump_json() == from_xml.model_dump_json()
