"""A resource from JSON and as JSON (hl7.org/fhir/R4/json.html)."""

from typing import Any

from wardgate.fhir import shape
from wardgate.fhir.elements import Definitions
from wardgate.fhir.json_text import decode, encode


def from_json(data: bytes, known: Definitions, max_values: int = shape.MAX_VALUES) -> dict[str, Any]:
    """Return the resource in `data`, checked and in order. Raises `FHIRError`."""
    return shape.resource(decode(data), known, max_values)


def to_json(resource: dict[str, Any]) -> bytes:
    """Return a resource as compact JSON in UTF-8."""
    return encode(resource).encode("utf-8")
