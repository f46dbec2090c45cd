"""FHIR resources of STU3 and R4, in JSON and in XML, without loss between the two.

Owns: which elements each resource has and in which order (`definitions`, made by `script/fhir-definitions` from public models),
reading either form strictly and within limits, writing either form, and which XHTML a narrative may hold.
Leaves: profiles, terminologies and references (the applications), and who may see a resource (`security_patterns`).
A resource in memory is its FHIR JSON: dicts, lists, texts, booleans, ints and `Decimal`s, which keep their precision.
Read: errors, elements, primitives, json_text, xml_reader, narrative, shape, json_form, xml_form, formats, walk.
"""

from wardgate.fhir.elements import Version
from wardgate.fhir.errors import FHIRError, NotValid, NotWellFormed, TooLarge
from wardgate.fhir.formats import Format, Resource, checked, read, write
from wardgate.fhir.walk import Found, walk

__all__ = ["FHIRError", "Format", "Found", "NotValid", "NotWellFormed", "Resource", "TooLarge", "Version", "checked", "read", "walk", "write"]
