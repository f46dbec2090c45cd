"""InfrastructureResponse: how an ITK2 receiver answers (itk3-messaging 2.2). The text of an error says nothing of keys or patients."""

import re
from datetime import datetime
from typing import Final

from lxml import etree

from wardgate.itk2.envelope import NAMESPACE
from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import ErrorInfo, InfrastructureResponse, Result
from wardgate.xmlsecurity.errors import XMLSecurityError
from wardgate.xmlsecurity.names import named
from wardgate.xmlsecurity.parser import Element, parse
from wardgate.xmlsecurity.reading import attribute, children, exactly, token

CODE_SYSTEM: Final = "2.16.840.1.113883.2.1.3.2.4.17.268"
MAX_ERRORS: Final = 50
_CODE: Final = re.compile(r"[0-9]{1,8}", re.ASCII)


def write_response(response: InfrastructureResponse) -> bytes:
    """Return the response as a document. Raises `ITK2Refused` for one that says nothing whole."""
    if response.timestamp.tzinfo is None or (response.result is Result.FAILURE) != bool(response.errors):
        raise ITK2Refused("InfrastructureResponse", "has an instant, and errors where it is a failure")
    root = etree.Element(_n("InfrastructureResponse"), nsmap={"itk": NAMESPACE}, result=response.result, timestamp=response.timestamp.isoformat())
    root.set("serviceRef", response.service)
    root.set("trackingIdRef", response.tracking_id)
    etree.SubElement(etree.SubElement(root, _n("reportingIdentity")), _n("id"), uri=response.reporting_identity)
    if response.errors:
        errors = etree.SubElement(root, _n("errors"))
        for error in response.errors:
            node = etree.SubElement(errors, _n("errorInfo"))
            etree.SubElement(node, _n("ErrorID")).text = error.id
            etree.SubElement(node, _n("ErrorCode"), codeSystem=CODE_SYSTEM).text = error.code
            etree.SubElement(node, _n("ErrorText")).text = error.text
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def read_response(data: bytes) -> InfrastructureResponse:
    """Return what a receiver answered. Raises `ITK2Refused`."""
    try:
        return _response(parse(data))
    except XMLSecurityError as refused:
        raise ITK2Refused("InfrastructureResponse", refused.expected) from None


def _n(name: str) -> str:
    return named(NAMESPACE, name)


def _response(root: Element) -> InfrastructureResponse:
    if root.tag != _n("InfrastructureResponse"):
        raise ITK2Refused("InfrastructureResponse", f"its namespace is {NAMESPACE}")
    found = children(root, ("result", "timestamp", "serviceRef", "trackingIdRef"))
    if [node.tag for node in found] not in ([_n("reportingIdentity")], [_n("reportingIdentity"), _n("errors")]):
        raise ITK2Refused("InfrastructureResponse", "has a reportingIdentity, then at most errors")
    (identity,) = exactly(found[0], (_n("id"),))
    errors = children(found[1]) if len(found) > 1 else []
    if len(errors) > MAX_ERRORS:
        raise ITK2Refused("errors", f"holds at most {MAX_ERRORS}")
    try:
        result, timestamp = Result(attribute(root, "result")), datetime.fromisoformat(attribute(root, "timestamp"))
    except ValueError:
        raise ITK2Refused("InfrastructureResponse", "result is OK, Warning or Failure, and timestamp an instant") from None
    return InfrastructureResponse(
        result, timestamp, attribute(root, "serviceRef"), attribute(root, "trackingIdRef"), attribute(identity, "uri"), tuple(map(_error, errors)),
    )


def _error(node: Element) -> ErrorInfo:
    identifier, code, words = exactly(node, (_n("ErrorID"), _n("ErrorCode"), _n("ErrorText")))
    if attribute(code, "codeSystem") != CODE_SYSTEM or not _CODE.fullmatch(token(code, ("codeSystem",))):
        raise ITK2Refused("ErrorCode", f"a number of {CODE_SYSTEM}")
    return ErrorInfo(token(identifier), token(code, ("codeSystem",)), token(words))
