"""Canonical XML of a tree that the strict parser made, so always without comments (RFC 3741; W3C Canonical XML 1.0 and 1.1)."""

from lxml import etree

from wardgate.xmlsecurity.names import XML, named
from wardgate.xmlsecurity.parser import Element


def exclusive(node: Element) -> bytes:
    """Return the exclusive canonical form of an element and what is in it. What surrounds it has no influence."""
    return etree.tostring(node, method="c14n", exclusive=True, with_comments=False, with_tail=False)


def inclusive(node: Element) -> bytes:
    """Return the inclusive canonical form of an element: with the namespaces in scope, and the `xml:` attributes that it inherits.

    Canonical XML 1.1 is the same for a whole document; of a part of one it inherits no `xml:id`, which has no meaning here.
    """
    apart = etree.fromstring(etree.tostring(node, with_tail=False), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    for above in node.iterancestors():
        for name, value in above.attrib.items():
            if str(name).startswith(f"{{{XML}}}") and name != named(XML, "id") and name not in apart.attrib:
                apart.set(str(name), str(value))
    return etree.tostring(apart, method="c14n", exclusive=False, with_comments=False, with_tail=False)


def enveloping(signature: Element) -> bytes:
    """Return the exclusive canonical form of the whole document but for its signature: what the transform `enveloped-signature` leaves."""
    root = etree.fromstring(etree.tostring(signature.getroottree()), etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False))
    path = signature.getroottree().getelementpath(signature)
    found = root.find(path)
    above = found.getparent() if found is not None else None
    if found is None or above is None:
        raise ValueError("the signature is the document")
    before = found.getprevious()
    if before is not None:
        before.tail = (before.tail or "") + (found.tail or "")
    else:
        above.text = (above.text or "") + (found.tail or "")
    found.tail = None
    above.remove(found)
    return exclusive(root)
