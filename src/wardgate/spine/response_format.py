"""In which form an answer is asked for: FHIR JSON or XML (spine 3).

`_format` comes before Accept. With neither: the family of the request's Content-Type, else the service's own default, which is
XML for NRL and NEMS.
"""

from enum import StrEnum
from typing import Final

MAX_ACCEPT_CHARS: Final = 1_000


class Format(StrEnum):
    """The two forms of FHIR that Spine speaks."""

    JSON = "json"
    XML = "xml"


_NAMES: Final = {
    **dict.fromkeys(("json", "application/fhir+json", "application/json", "application/json+fhir", "text/json"), Format.JSON),
    **dict.fromkeys(("xml", "application/fhir+xml", "application/xml", "application/xml+fhir", "text/xml"), Format.XML),
}
_ANY: Final = frozenset({"*/*", "application/*"})


def response_format(query_format: str | None, accept: str | None, content_type: str | None, default: Format = Format.JSON) -> Format | None:
    """Return the form to answer in; None when only others are asked for (415, `spine-media-type`)."""
    otherwise = family_of(content_type or "") or default
    if query_format is not None:
        return family_of(query_format)
    if accept is None or not accept.strip():
        return otherwise
    for _, name in sorted(_wanted(accept[:MAX_ACCEPT_CHARS]), key=lambda found: -found[0]):
        if name in _ANY:
            return otherwise
        if (known := family_of(name)) is not None:
            return known
    return None


def family_of(name: str) -> Format | None:
    """Return the form that a media type or a value of `_format` is of, or None for any other."""
    bare = name.partition(";")[0].strip().lower().replace(" ", "+")  # a plus sign of a query that was not escaped is a blank
    return _NAMES.get(bare)


def _wanted(accept: str) -> list[tuple[float, str]]:
    """Return the media types with their weights, in order (RFC 9110 section 12.5.1); one of weight 0 is not wanted."""
    found = []
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        weight = next((_weight(part[2:]) for part in parameters if part.startswith("q=")), 1.0)
        if weight > 0:
            found.append((weight, name))
    return found


def _weight(text: str) -> float:
    return float(text) if text[:1] in {"0", "1"} and len(text) <= 5 and text.replace(".", "", 1).isdigit() else 0.0
