"""The one parser: what is not plain, bounded XML in UTF-8 with every Id once is refused before it is looked at."""

import time

import pytest

from wardgate.xmlsecurity.canonical import exclusive, inclusive
from wardgate.xmlsecurity.errors import XMLMalformed, XMLSecurityError, XMLTooLarge
from wardgate.xmlsecurity.parser import Limits, check_once, parse
from wardgate.xmlsecurity.reading import octets, token

LAUGHS = b'<!DOCTYPE a [<!ENTITY a "' + b"x" * 1000 + b'">' + b"".join(b'<!ENTITY b%d "&a;&a;&a;&a;">' % n for n in range(20)) + b"]><a>&b1;</a>"
REFUSED: dict[str, tuple[bytes, type[XMLSecurityError]]] = {
    "nothing": (b"", XMLMalformed),
    "not XML": (b"{}", XMLMalformed),
    "cut short": (b"<a><b/>", XMLMalformed),
    "two roots": (b"<a/><b/>", XMLMalformed),
    "a document type": (b"<!DOCTYPE a><a/>", XMLMalformed),
    "a document type after comments": (b"<!-- a --><?b c?>\n<!-- d --><!DOCTYPE a><a/>", XMLMalformed),
    "a billion laughs": (LAUGHS, XMLMalformed),
    "an entity from a file": (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>', XMLMalformed),
    "an entity that is not declared": (b"<a>&b;</a>", XMLMalformed),
    "UTF-16": ("<a/>".encode("utf-16"), XMLMalformed),
    "Latin-1, said": (b'<?xml version="1.0" encoding="ISO-8859-1"?><a/>', XMLMalformed),
    "Latin-1, not said": (b"<a>\xfc</a>", XMLMalformed),
    "a prefix of no namespace": (b"<x:a/>", XMLMalformed),
    "a null character": (b"<a>\x00</a>", XMLMalformed),
    "Id twice": (b'<a Id="1"><b Id="1"/></a>', XMLMalformed),
    "Id twice, otherwise written": (b'<a ID="1"><b id="1"/></a>', XMLMalformed),
    "Id twice, as xml:id": (b'<a Id="1"><b xml:id="1"/></a>', XMLMalformed),
    "Id twice, of another namespace": (b'<a Id="1"><b xmlns:u="urn:u" u:Id="1"/></a>', XMLMalformed),
    "Id twice, as AssertionID": (b'<a AssertionID="1"><b ID="1"/></a>', XMLMalformed),
    "two Ids at one element": (b'<a Id="1" ID="2"/>', XMLMalformed),
    "65 levels": (b"<a>" * 65 + b"</a>" * 65, XMLTooLarge),
    "ten thousand levels": (b"<a>" * 10_000 + b"</a>" * 10_000, XMLSecurityError),
    "33 attributes": (b"<a " + b" ".join(b'a%d=""' % n for n in range(33)) + b"/>", XMLTooLarge),
    "a million elements": (b"<a>" + b"<b/>" * 1_000_000 + b"</a>", XMLTooLarge),
    "50,001 elements": (b"<a>" + b"<b/>" * 50_000 + b"</a>", XMLTooLarge),
    "a million attributes": (b"<a " + b" ".join(b'a%d=""' % n for n in range(300_000)) + b"/>", XMLTooLarge),
    "more octets than are taken": (b"<a>" + b"x" * 10_000_000 + b"</a>", XMLTooLarge),
    "a prologue that goes on": (b"<!--" + b"--><!--" * 100_000, XMLSecurityError),
}


@pytest.mark.parametrize(("data", "kind"), REFUSED.values(), ids=REFUSED)
def test_each_is_refused_at_once(data: bytes, kind: type[XMLSecurityError]) -> None:
    """By its kind, and without work that grows faster than it does."""
    began = time.process_time()
    with pytest.raises(kind):
        parse(data)
    assert time.process_time() - began < 2


def test_limits_may_be_smaller() -> None:
    """Each of them."""
    for limits in (Limits(max_bytes=5), Limits(max_depth=1), Limits(max_elements=1)):
        with pytest.raises(XMLTooLarge):
            parse(b"<a><b/></a>", limits)


def test_what_is_fine_is_read() -> None:
    """A declaration, a mark, comments before and after, a CDATA section, 64 levels; ids that repeat where that is said."""
    assert parse(b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?><!-- b --><a/><!-- c -->').tag == "a"
    assert parse(b"<a><![CDATA[<!DOCTYPE b>]]></a>").text == "<!DOCTYPE b>"
    assert len(parse(b"<a>" * 64 + b"</a>" * 64)) == 1
    root = parse(b'<a id="1"><b id="1"/><c Id="2"/></a>', unique_ids=False)
    check_once(root, ["2"])
    with pytest.raises(XMLMalformed):
        check_once(root, ["1"])
    with pytest.raises(XMLMalformed):
        check_once(root, ["3"])


def test_comments_and_instructions_split_no_text() -> None:
    """In the tree there is one text, which is the canonical one."""
    root = parse(b"<a>user@nhs.net<!-- -->.evil<?x y?>.com</a>")
    assert (root.text, len(root)) == ("user@nhs.net.evil.com", 0)
    assert exclusive(root) == inclusive(root) == b"<a>user@nhs.net.evil.com</a>"


def test_white_space_in_attributes_is_one_space_each() -> None:
    """XML 1.0 section 3.3.3: a reader sees what the canonical form has, and a character reference stays."""
    root = parse(b'<a b="x\n\ty" c="x&#10;y"/>')
    assert (root.get("b"), root.get("c")) == ("x  y", "x\ny")
    assert exclusive(root) == b'<a b="x  y" c="x&#xA;y"></a>'


def test_namespaces_of_the_two_canonical_forms() -> None:
    """Exclusive: those that are used, where they are used; inclusive: all in scope, with what `xml:` attributes are inherited."""
    root = parse(b'<a xmlns="urn:a" xmlns:x="urn:x" xml:lang="en"><b><c x:y="1"/></b></a>')
    assert exclusive(root[0]) == b'<b xmlns="urn:a"><c xmlns:x="urn:x" x:y="1"></c></b>'
    assert inclusive(root[0]) == b'<b xmlns="urn:a" xmlns:x="urn:x" xml:lang="en"><c x:y="1"></c></b>'


@pytest.mark.parametrize("text", ["AA=A", "A", "AAA", "AA==AA==", "A-_A", "AA=\u00a0="])
def test_base64_is_only_base64(text: str) -> None:
    """No other alphabet, no missing padding, nothing between."""
    root = parse(f"<a>{text}</a>".encode())
    with pytest.raises(XMLMalformed):
        octets(root, 100)


def test_base64_may_be_in_lines_and_is_bounded() -> None:
    """As signers write it."""
    root = parse(b"<a>\nAAAA\r\n AAAA\t</a>")
    assert octets(root, 6) == bytes(6)
    with pytest.raises(XMLMalformed):
        octets(root, 5)
    for bad in (b"<a> x</a>", b"<a></a>", b"<a><b/></a>", b'<a b="1">x</a>'):
        with pytest.raises(XMLMalformed):
            token(parse(bad))
