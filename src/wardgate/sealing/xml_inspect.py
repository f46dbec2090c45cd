"""What an XML seal says of itself, for people who look into what went wrong. Nothing of it is checked, and nobody may act on it."""

from typing import Final

from wardgate.sealing.inspect import Inspection
from wardgate.sealing.model import Limits, Suite
from wardgate.sealing.xml_document import read_document
from wardgate.sealing.xml_errors import as_reasons
from wardgate.xmlsecurity import parser
from wardgate.xmlsecurity.encryption import ENCRYPTED_DATA
from wardgate.xmlsecurity.names import DS, XADES, XENC, named
from wardgate.xmlsecurity.parser import Element, parse

DEFAULT_LIMITS: Final = Limits()
_METHOD: Final = named(XENC, "EncryptionMethod")
_BESIDE: Final = {named(XADES, "SignatureTimeStamp"): "sigTst"}


def inspect_xml(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Inspection:
    """Return what the outermost layer says. Raises `SealRefused` for what is not an XML seal, or too large."""
    with as_reasons():
        root = parse(body, parser.Limits(max_bytes=min(limits.max_sealed_bytes, parser.MAX_XML_BYTES)))
        if root.tag == ENCRYPTED_DATA:
            keys = root.findall(f"{named(DS, 'KeyInfo')}/{named(XENC, 'EncryptedKey')}")[: limits.max_recipients]
            recipients = tuple({"alg": _algorithm(key.find(_METHOD)), "kid": _first(key, named(DS, "KeyName"))} for key in keys)
            clear = root.findtext(f"{named(XENC, 'CipherData')}/{named(XENC, 'CipherValue')}") or ""
            return Inspection(Suite.XML, {"enc": _algorithm(root.find(_METHOD))}, (), recipients, None, len(clear) * 3 // 4)
        document = read_document(root, limits.max_content_bytes)
    signature = document.signature
    method = signature.find(f"{named(DS, 'SignedInfo')}/{named(DS, 'SignatureMethod')}")
    header = {"alg": _algorithm(method), "kid": _first(signature, named(DS, "KeyName")), "cty": document.media_type}
    beside = tuple(_BESIDE[str(node.tag)] for node in signature.iter(*_BESIDE))
    return Inspection(Suite.XML, header, beside, (), document.context, 0)


def _algorithm(node: Element | None) -> str:
    return "" if node is None else str(node.get("Algorithm", ""))


def _first(node: Element, name: str) -> str:
    return next((str(one.text or "") for one in node.iter(name)), "")
