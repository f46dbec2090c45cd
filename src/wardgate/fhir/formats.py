"""The two forms of FHIR, their media types, and reading and writing either."""

from enum import StrEnum
from typing import Any, Final

from wardgate.fhir import shape
from wardgate.fhir.elements import Version, definitions
from wardgate.fhir.errors import TooLarge
from wardgate.fhir.json_form import from_json, to_json
from wardgate.fhir.shape import MAX_VALUES
from wardgate.fhir.xml_form import from_xml, to_xml

Resource = dict[str, Any]
MAX_BYTES: Final = 1_000_000
LEAST_BYTES_OF_A_VALUE: Final = 20
"""Of a resource that may be larger, as many values are read as it could have of this size, and never fewer than of the usual one."""
MAX_VALUES_WRITTEN: Final = 5_000_000


class Format(StrEnum):
    """JSON or XML."""

    JSON = "json"
    XML = "xml"

    @property
    def media_type(self) -> str:
        """The type of an answer, with its character set."""
        return f"application/fhir+{self.value}; charset=utf-8"


def read(data: bytes, form: Format, version: Version, max_bytes: int = MAX_BYTES) -> Resource:
    """Return the resource in `data`, checked and in the order of the specification. Raises `FHIRError`."""
    if len(data) > max_bytes:
        raise TooLarge(f"the resource has more than {max_bytes} bytes")
    max_values = max(MAX_VALUES, max_bytes // LEAST_BYTES_OF_A_VALUE)
    return (from_xml if form is Format.XML else from_json)(data, definitions(version), max_values)


def checked(resource: Resource, version: Version) -> Resource:
    """Return a resource of our own making as `read` would: checked, and in the order of the specification. Raises `FHIRError`."""
    return shape.resource(resource, definitions(version), MAX_VALUES_WRITTEN)


def write(resource: Resource, form: Format, version: Version) -> bytes:
    """Return a resource that was read, or made to the same rules, in either form.

    Raises `NotValid` for one of our own making that is none: what leaves has been checked as what enters.
    """
    if form is Format.JSON:
        return to_json(resource)
    return to_xml(checked(resource, version), definitions(version))
