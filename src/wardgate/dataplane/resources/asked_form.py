"""Whether a refusal of Envoy's own is to be XML: `spine.response_format`, as filters of the mappers.

The route says in its metadata that its API speaks both (`form`, the API's own form). NOTE: weights of Accept are compared only as far
as that what has the weight 1 comes before what has less; among others, the first in order counts.
"""

from typing import Final

from wardgate.catalogue import API
from wardgate.dataplane.resources.envoy import JSON, T

ROUTE_FORM: Final = "xds.route_metadata.filter_metadata.wardgate.form"

_TYPES: Final = {"xml": ("application/fhir+xml", "application/xml", "application/xml+fhir", "text/xml", "xml"),
                 "json": ("application/fhir+json", "application/json", "application/json+fhir", "text/json", "json")}
_QUERY: Final = {"/": "(?:/|%2F)", "+": r"(?:\+|%2B|%20)"}
"""How a `_format` in the query writes these; a plus sign there is a blank, which counts as one (`family_of`)."""


def told(api: API | None) -> dict[str, str]:
    """Return what the metadata of an API's routes say."""
    return {"form": str(api.spine.default_format)} if api is not None and api.spine is not None else {}


def _one_of(types: tuple[str, ...], written: dict[str, str]) -> str:
    return "|".join("".join(written.get(letter, letter) for letter in name) for name in types)


_PLAIN: Final = {"+": r"\+", "*": r"\*"}
_KNOWN: Final = _one_of((*_TYPES["xml"], *_TYPES["json"], "*/*", "application/*"), _PLAIN)


def _item(parameters: str) -> str:
    """A known type of Accept whose parameters are these or no weights."""
    return rf"(?i)(?:^|,)\s*({_KNOWN})\s*(?:;\s*(?:[^q,;\s][^,;]*|{parameters})\s*)*(?:,|$)"


_FIRST: Final = _item(r"q=1(?:\.0*)?")
_OTHER: Final = _item(r"q=(?:1(?:\.0*)?|0?\.[0-9]*[1-9][0-9]*)")


def _raw(pattern: str) -> str:
    """A pattern as a CEL text in which nothing is escaped."""
    return f"r'{pattern}'"


def _query(form: str) -> str:
    return _raw(rf"(?i)^(?:{_one_of(_TYPES[form], _QUERY)})(?:(?:;|%3B).*)?$")


def _header(form: str) -> str:
    return _raw(rf"(?i)^\s*(?:{_one_of(_TYPES[form], _PLAIN)})\s*(?:;.*)?$")


def _wanted() -> str:
    accept, content = "request.headers['accept']", "request.headers['content-type']"
    own = f"{ROUTE_FORM} == 'xml'"
    given = f"re.extract(request.path, {_raw('^.*[?&]_format=([^&]*).*$')}, {_raw(chr(92) + '1')})"
    by_query = f"({given}.matches({_query('xml')}) || (!{given}.matches({_query('json')}) && {own}))"
    sent = f"('content-type' in request.headers ? ({content}.matches({_header('xml')}) || (!{content}.matches({_header('json')}) && {own})) : {own})"

    def by_item(pattern: str) -> str:
        found = f"re.extract({accept}, {_raw(pattern)}, {_raw(chr(92) + '1')})"
        return f"({found}.matches({_raw('(?i)xml')}) || ({found}.contains('*') && {sent}))"

    stated = f"('accept' in request.headers && {accept}.matches({_raw('[^ ]')}))"
    first, other = (f"{accept}.matches({_raw(pattern)})" for pattern in (_FIRST, _OTHER))
    by_accept = f"({first} ? {by_item(_FIRST)} : ({other} ? {by_item(_OTHER)} : {own}))"
    return f"request.path.matches({_raw('[?&]_format=')}) ? {by_query} : ({stated} ? {by_accept} : {sent})"


def cel(expression: str) -> JSON:
    """Return the filter of replies of which an expression is true."""
    config = {"@type": T + "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", "expression": expression}
    return {"extension_filter": {"name": "cel", "typed_config": config}}


def _mentions(header: str) -> JSON:
    return {"header_filter": {"header": {"name": header, "string_match": {"contains": "xml", "ignore_case": True}}}}


XML: Final[tuple[JSON, ...]] = (
    {"or_filter": {"filters": [_mentions("accept"), _mentions(":path"), _mentions("content-type"), cel(f"{ROUTE_FORM} == 'xml'")]}},
    cel(_wanted()),
)
"""The filters of a reply that is to be XML, the cheap one first. Ask them of routes that have a form."""
