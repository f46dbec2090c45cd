"""Whether a refusal of Envoy's own is to be XML: `spine.response_format`, as filters of the mappers.

The route says in its metadata that its API speaks both (`form`, the API's own form). NOTE: weights of Accept are compared only as far
as that what has the weight 1 comes before what has less; among others, the first in order counts.
"""

from typing import Final

from wardgate.catalogue import API
from wardgate.dataplane.resources.envoy import JSON, T

ROUTE_FORM: Final = "xds.route_metadata.filter_metadata.wardgate.form"
_ANY_TYPE: Final = r"\*/\*|application/\*"


def _types(form: str, slash: str = "/", plus: str = r"\+") -> str:
    return rf"application{slash}(?:fhir{plus}{form}|{form}(?:{plus}fhir)?)|text{slash}{form}|{form}"


_QUERY: Final = {form: _types(form, "(?:/|%2F)", r"(?:\+|%2B|%20)") for form in ("xml", "json")}
"""As a `_format` in the query writes them; a plus sign there is a blank, which counts as one (`spine.response_format`)."""


def told(api: API | None) -> dict[str, str]:
    """Return what the metadata of an API's routes say."""
    return {"form": str(api.spine.default_format)} if api is not None and api.spine is not None else {}


def cel(expression: str) -> JSON:
    """Return the filter of replies of which an expression is true."""
    config = {"@type": T + "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", "expression": expression}
    return {"extension_filter": {"name": "cel", "typed_config": config}}


def _is(header: str, regex: str, *, yes: bool = True, missing_is_empty: bool = False) -> JSON:
    """Return the filter of requests of which a whole header is like this, or is not. NOTE: a missing header is neither."""
    found = {"name": header, "string_match": {"safe_regex": {"regex": f"(?i){regex}"}}, "invert_match": not yes}
    return {"header_filter": {"header": found | ({"treat_missing_header_as_empty": True} if missing_is_empty else {})}}


def _all(*filters: JSON) -> JSON:
    return {"and_filter": {"filters": list(filters)}}


def _some(*filters: JSON) -> JSON:
    return {"or_filter": {"filters": list(filters)}}


_OWN: Final = cel(f"{ROUTE_FORM} == 'xml'")
_PARAMETER: Final = r"[^q,;\s][^,;]*"
_FIRST: Final = rf"(?:;\s*(?:{_PARAMETER}|q=1(?:\.0*)?)\s*)*"
_OTHER: Final = rf"(?:;\s*(?:{_PARAMETER}|q=(?:1(?:\.0*)?|0?\.[0-9]*[1-9][0-9]*))\s*)*"
"""The parameters of what is wanted most, and of what is wanted at all (RFC 9110 section 12.5.1)."""


def _item(types: str, parameters: str) -> str:
    return rf"\s*(?:{types})\s*{parameters}"


def _first(types: str, before: str, parameters: str) -> list[JSON]:
    """Return the filters of an Accept that names one of `types`, and none of `before` in front of it."""
    wanted = _item(types, parameters)
    return [_is("accept", rf"(?:.*,)?{wanted}(?:,.*)?"),
            _is("accept", rf"(?:.*,)?{_item(before, parameters)},(?:.*,)?{wanted}(?:,.*)?", yes=False)]


def _wanted() -> JSON:
    xml, json_ = _types("xml"), _types("json")
    sent = _some(_is("content-type", rf"\s*(?:{xml})\s*(?:;.*)?"),
                 _all(_is("content-type", rf"\s*(?:{json_})\s*(?:;.*)?", yes=False, missing_is_empty=True), _OWN))

    def by_accept(parameters: str) -> list[JSON]:
        return [_all(*_first(xml, f"{json_}|{_ANY_TYPE}", parameters)), _all(*_first(_ANY_TYPE, f"{json_}|{xml}", parameters), sent)]

    def nothing_known(parameters: str) -> JSON:
        return _is("accept", rf"(?:.*,)?{_item(f'{xml}|{json_}|{_ANY_TYPE}', parameters)}(?:,.*)?", yes=False)

    stated = _is(":path", r".*[?&]_format=.*")
    in_query = _some(_is(":path", rf".*[?&]_format=(?:{_QUERY['xml']})(?:(?:;|%3B)[^&]*)?(?:&.*)?"),
                     _all(stated, _is(":path", rf".*[?&]_format=(?:{_QUERY['json']}|{_QUERY['xml']})(?:(?:;|%3B)[^&]*)?(?:&.*)?", yes=False), _OWN))
    otherwise = _all(nothing_known(_OTHER), _is("accept", r"\s*", yes=False), _OWN)
    in_accept = _some(_all(_is("accept", r"\s*", missing_is_empty=True), sent), *by_accept(_FIRST),
                      _all(nothing_known(_FIRST), _some(*by_accept(_OTHER), otherwise)))
    return _some(in_query, _all(_is(":path", r".*[?&]_format=.*", yes=False), in_accept))


def _mentions(header: str) -> JSON:
    return {"header_filter": {"header": {"name": header, "string_match": {"contains": "xml", "ignore_case": True}}}}


XML: Final[tuple[JSON, ...]] = (_some(_mentions("accept"), _mentions(":path"), _mentions("content-type"), _OWN), _wanted())
"""The filters of a reply that is to be XML, the cheap one first. Ask them of routes that have a form."""
