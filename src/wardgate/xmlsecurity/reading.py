"""Reading elements strictly: which children there are, in which order, with which attributes, and base64 that is only base64."""

from base64 import b64decode
from binascii import Error
from collections.abc import Collection
from typing import Final

from lxml import etree

from wardgate.xmlsecurity.errors import XMLMalformed
from wardgate.xmlsecurity.parser import Element

_SPACE: Final = " \t\r\n"
_NO_SPACE: Final = str.maketrans("", "", _SPACE)


def local(node: Element) -> str:
    """Return the name without its namespace, for messages."""
    return etree.QName(node).localname


def children(node: Element, attributes: Collection[str] = ()) -> list[Element]:
    """Return the children of an element that holds elements and white space only, and no attributes but these. Raises `XMLMalformed`."""
    _check_attributes(node, attributes)
    texts = [node.text, *(child.tail for child in node)]
    if any(text and text.strip(_SPACE) for text in texts):
        raise XMLMalformed(f"elements only in {local(node)}")
    return list(node)


def exactly(node: Element, names: tuple[str, ...], attributes: Collection[str] = ()) -> list[Element]:
    """Return the children, which have these names, in this order. Raises `XMLMalformed`."""
    found = children(node, attributes)
    if tuple(child.tag for child in found) != names:
        raise XMLMalformed(f"in {local(node)} exactly {', '.join(etree.QName(name).localname for name in names) or 'nothing'}")
    return found


def text(node: Element, attributes: Collection[str] = ()) -> str:
    """Return the text of an element without children, as it is. Raises `XMLMalformed`."""
    _check_attributes(node, attributes)
    if len(node):
        raise XMLMalformed(f"text only in {local(node)}")
    return str(node.text or "")


def token(node: Element, attributes: Collection[str] = ()) -> str:
    """Return a text that is not empty and has no white space around it. Raises `XMLMalformed`."""
    value = text(node, attributes)
    if not value or value != value.strip(_SPACE):
        raise XMLMalformed(f"a value in {local(node)}, without white space around it")
    return value


def octets(node: Element, max_bytes: int, attributes: Collection[str] = ()) -> bytes:
    """Return what the base64 in an element says; it may be broken into lines. Raises `XMLMalformed`."""
    encoded = text(node, attributes).translate(_NO_SPACE)
    if len(encoded) > 4 * ((max_bytes + 2) // 3):
        raise XMLMalformed(f"at most {max_bytes} octets in {local(node)}")
    try:
        decoded = b64decode(encoded, validate=True)
    except (Error, ValueError):
        raise XMLMalformed(f"base64 in {local(node)}") from None
    if len(decoded) > max_bytes:
        raise XMLMalformed(f"at most {max_bytes} octets in {local(node)}")
    return decoded


def attribute(node: Element, name: str) -> str:
    """Return an attribute that must be there. Raises `XMLMalformed`."""
    value = node.get(name)
    if value is None:
        raise XMLMalformed(f"{name} at {local(node)}")
    return str(value)


def _check_attributes(node: Element, allowed: Collection[str]) -> None:
    if any(name not in allowed for name in node.attrib):
        raise XMLMalformed(f"no attributes at {local(node)} but {', '.join(sorted(allowed)) or 'none'}")
