"""The tables of elements against public models of FHIR, and what we write read by them: resources of any shape."""

import importlib
import json
from typing import Any

import pytest

from flows.samples.test_adjustments import condition, consent, flag, listed
from flows.samples.test_pointers import pointer
from wardgate.fhir import Format, Version, read, write
from wardgate.fhir.elements import definitions

RELEASES = {Version.STU3: "STU3", Version.R4: "R4B"}
NEWER = {"CodeableReference", "RatioRange"}
"""What R4B added to R4."""


def model(version: Version, name: str) -> Any:
    """The public model of a resource."""
    return getattr(importlib.import_module(f"fhir.resources.{RELEASES[version]}.{name.lower()}"), name)


@pytest.mark.parametrize("version", Version)
def test_elements_and_their_order(version: Version) -> None:
    """Every resource has the elements of its public model, in the same order."""
    known = definitions(version)
    for name in known.resources:
        ours = [element for element, row in known.types[name].items() if row.kind not in NEWER]
        theirs = list(dict.fromkeys(model(version, name).elements_sequence()))  # they name a choice of references once for each target
        assert ours == theirs, name


SAMPLES = (pointer(), consent(), flag(), condition(), listed("Condition/1"))


@pytest.mark.parametrize("resource", SAMPLES, ids=lambda found: found["resourceType"])
def test_what_we_write_is_read_alike(resource: dict[str, Any]) -> None:
    """Our JSON and our XML are the same resource to the public model. Its own XML repeats choices of references, so it is not read."""
    whole = read(json.dumps(resource).encode(), Format.JSON, Version.STU3)
    public = model(Version.STU3, resource["resourceType"])
    from_json = public.model_validate_json(write(whole, Format.JSON, Version.STU3))
    from_xml = public.model_validate_xml(write(whole, Format.XML, Version.STU3))
    assert from_json.model_dump_json() == from_xml.model_dump_json()
