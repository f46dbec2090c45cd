"""Answers as bytes (RFC 4511 sections 4.1.9, 4.5.2; RFC 2696)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from wardgate.ldap import asn1
from wardgate.ldap.results import DISCONNECTION, PAGED_RESULTS, Code

BIND: Final = 1
SEARCH_DONE: Final = 5
EXTENDED: Final = 24
KEPT_ATTRIBUTES: Final = 20_000
"""Attributes with their values that are kept ready as bytes: most of those of one entry are another's too."""
_RESULTS: Final = {number: asn1.result_type(number) for number in (BIND, SEARCH_DONE, EXTENDED, 7, 9, 11, 13, 15)}


def result(message_id: int, response: int, code: Code, diagnostic: str = "", matched: str = "", *, page: tuple[int, bytes] | None = None) -> bytes:
    """Return how an operation ended; `page` is the estimate and the cookie of a page of results."""
    ended = _result(response, code, diagnostic, matched)
    return _message(message_id, asn1.encoded(ended), [_paged(*page)] if page is not None else [])


def notice_of_disconnection(code: Code, diagnostic: str) -> bytes:
    """Return what is said before hanging up (RFC 4511 section 4.4.1)."""
    ended = _result(EXTENDED, code, diagnostic, "")
    ended["responseName"] = DISCONNECTION.encode()
    return _message(0, asn1.encoded(ended), [])


def entry(message_id: int, dn: str, attributes: Iterable[tuple[str, tuple[str, ...]]]) -> bytes:
    """Return one entry that was found."""
    found = asn1.SearchResultEntry()
    found["objectName"] = dn.encode()
    found["attributes"].extend(_attribute(name, values) for name, values in attributes)
    return _message(message_id, asn1.encoded(found), [])


@lru_cache(KEPT_ATTRIBUTES)
def _attribute(name: str, values: tuple[str, ...]) -> bytes:
    found = asn1.Attribute()
    found["type"] = name.encode()
    found["vals"].extend(value.encode() for value in values)
    return asn1.encoded(found)


def _result(response: int, code: Code, diagnostic: str, matched: str) -> Any:
    ended = _RESULTS[response].clone()
    ended["resultCode"], ended["matchedDN"], ended["diagnosticMessage"] = int(code), matched.encode(), diagnostic.encode()
    return ended


def _paged(estimate: int, cookie: bytes) -> asn1.Control:
    value = asn1.PagedResults()
    value["size"], value["cookie"] = estimate, cookie
    control = asn1.Control()
    control["controlType"], control["controlValue"] = PAGED_RESULTS.encode(), asn1.encoded(value)
    return control


def _message(message_id: int, operation: bytes, controls: list[asn1.Control]) -> bytes:
    found = asn1.Message()
    found["messageID"], found["protocolOp"] = message_id, operation
    if controls:
        found["controls"].extend(controls)
    return asn1.encoded(found)
