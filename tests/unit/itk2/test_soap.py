"""ITK2's SOAP: addressing and security header, checked, and believed only when the right elements are signed by the right key."""

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from message_world import DAY, NOW, Held, World, common_name
from wardgate.itk2.errors import ITK2Refused
from wardgate.itk2.model import Claims
from wardgate.itk2.soap import ANONYMOUS, check_action, is_username_of, read_message
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import State, Use
from wardgate.xmlsecurity import names
from wardgate.xmlsecurity.canonical import exclusive
from wardgate.xmlsecurity.names import DS, SOAP, WSA, WSSE, WSU, named
from wardgate.xmlsecurity.sign import ToCover, sign
from wardgate.xmlsecurity.ws_security import BASE64, X509_TOKEN

Node = Any
SERVICE = "urn:nhs-itk:services:201005:SendCDADocument-v2-0"
MESSAGE = f"""<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}" xmlns:e="{WSSE}" xmlns:u="{WSU}"><s:Header><a:Action>{SERVICE}</a:Action><a:To>https://ry6.example/itk</a:To>
<a:MessageID>uuid:1</a:MessageID><a:ReplyTo><a:Address>{ANONYMOUS}</a:Address></a:ReplyTo><e:Security s:mustUnderstand="1"><u:Timestamp u:Id="t"><u:Created>2026-03-01T11:59:30Z</u:Created>
<u:Expires>2026-03-01T12:05:00Z</u:Expires></u:Timestamp><e:UsernameToken u:Id="n"><e:Username>X26 sender</e:Username></e:UsernameToken></e:Security></s:Header>
<s:Body u:Id="b"><x xmlns="urn:x"><y id="1"/><z id="1"/></x></s:Body></s:Envelope>"""


@pytest.fixture(scope="module")
def world() -> World:
    """X26 signs as `X26 sender`."""
    world = World()
    world.add("X26", Use.SIGNING, subject=common_name("X26 sender", "X26"))
    return world


def key(world: World) -> Held:
    """X26's key."""
    found = world.signing_key("X26")
    assert found is not None
    return found


def signed(world: World, edit: Callable[[Node], None] = lambda _root: None, signer: Held | None = None, ids: str = "tnb") -> bytes:
    """The message with a token and a signature over elements with these ids."""
    root = etree.fromstring(MESSAGE)
    by = signer or key(world)
    edit(root)
    security = root.find(f".//{{{WSSE}}}Security")
    assert security is not None
    token = etree.SubElement(security, named(WSSE, "BinarySecurityToken"), {"ValueType": X509_TOKEN, "EncodingType": BASE64, named(WSU, "Id"): "k"})
    token.text = b64encode(by.certificate.public_bytes(Encoding.DER)).decode()
    found = {node.get(named(WSU, "Id")): node for node in root.iter()}
    signature = sign(by, [ToCover(f"#{one}", exclusive(found[one]), (names.EXCLUSIVE,)) for one in ids])
    info = signature.find(named(DS, "KeyInfo"))
    assert info is not None
    info[:] = []
    etree.SubElement(etree.SubElement(info, named(WSSE, "SecurityTokenReference")), named(WSSE, "Reference"), URI="#k")
    security.append(signature)
    return etree.tostring(root)


def read(world: World, data: bytes, **changes: Any) -> Claims:
    """What a message says."""
    return read_message(data, **({"directory": world, "organisation": "X26", "now": NOW} | changes))


def test_a_message_without_a_signature_says_what_the_host_says(world: World) -> None:
    """TLS proves the host: nobody signed."""
    found = read(world, MESSAGE.encode())
    assert (found.action, found.to, found.message_id, found.username, found.signed_by) == (SERVICE, "https://ry6.example/itk", "uuid:1", "X26 sender", None)
    assert found.body == f'<x xmlns="urn:x" xmlns:s="{SOAP}" xmlns:a="{WSA}" xmlns:e="{WSSE}" xmlns:u="{WSU}"><y id="1"/><z id="1"/></x>'.encode()
    check_action(found, SERVICE)
    with pytest.raises(ITK2Refused):
        check_action(found, "urn:other")
    with pytest.raises(SealRefused) as caught:
        read(world, MESSAGE.encode(), require_signature=True)
    assert caught.value.code == "seal-signature-missing"


@pytest.mark.parametrize("ids", ["tnb", "bnt", "tnbk"])
def test_a_signed_message_is_believed(world: World, ids: str) -> None:
    """In any order, with or without its token."""
    assert read(world, signed(world, ids=ids), require_signature=True).signed_by == key(world).kid


FORMS: dict[str, tuple[str, str, str]] = {
    "no To": ("<a:To>https://ry6.example/itk</a:To>", "", "To"),
    "no Action": (f"<a:Action>{SERVICE}</a:Action>", "", "Action"),
    "two Actions": ("<a:Action>", "<a:Action>x</a:Action><a:Action>", "Action"),
    "an answer elsewhere": (ANONYMOUS, "https://evil.example", "ReplyTo"),
    "something unknown that must be understood": ("<a:To>", '<q xmlns="urn:q" s:mustUnderstand="1"/><a:To>', "Header"),
    "created after it expires": ("11:59:30Z", "12:05:01Z", "Timestamp"),
    "created ahead": ("2026-03-01T11:59:30Z", "2026-03-01T12:05:01Z", "Timestamp"),
    "two elements in the body": ("<x ", "<q/><x ", "Body"),
    "SOAP 1.2": (SOAP, "http://www.w3.org/2003/05/soap-envelope", "Envelope"),
    "a document type": ("<s:Envelope", "<!DOCTYPE a><s:Envelope", "Envelope"),
}


@pytest.mark.parametrize(("old", "new", "where"), FORMS.values(), ids=FORMS)
def test_each_broken_rule_is_named(world: World, old: str, new: str, where: str) -> None:
    """By the element that breaks it."""
    assert old in MESSAGE
    with pytest.raises(ITK2Refused) as caught:
        read(world, MESSAGE.replace(old, new).encode())
    assert caught.value.where == where


def test_something_unknown_that_need_not_be_understood_is_passed_over(world: World) -> None:
    """SOAP 1.1 section 4.2.3."""
    assert read(world, MESSAGE.replace("<a:To>", '<q xmlns="urn:q"/><a:To>').encode()).signed_by is None


def test_an_expired_message_is_refused(world: World) -> None:
    """Beyond the skew, and not before."""
    assert read(world, MESSAGE.encode(), now=NOW + timedelta(minutes=9)).signed_by is None
    with pytest.raises(ITK2Refused) as caught:
        read(world, MESSAGE.encode(), now=NOW + timedelta(minutes=10))
    assert caught.value.where == "Timestamp"


SECURITY: dict[str, tuple[str, str]] = {
    "no Timestamp": ("u:Timestamp", "u:Other"),
    "a password": ("</e:Username>", "</e:Username><e:Password>x</e:Password>"),
    "two users": ("<e:UsernameToken", '<e:UsernameToken u:Id="m"><e:Username>a</e:Username></e:UsernameToken><e:UsernameToken'),
    "a time without an offset": ("11:59:30Z", "11:59:30"),
    "an assertion": ("<u:Timestamp", "<q/><u:Timestamp"),
}


@pytest.mark.parametrize(("old", "new"), SECURITY.values(), ids=SECURITY)
def test_another_security_header_is_refused(world: World, old: str, new: str) -> None:
    """Only what 2.4 lists, each once."""
    with pytest.raises(SealRefused) as caught:
        read(world, MESSAGE.replace(old, new).encode())
    assert caught.value.code == "seal-malformed"


@pytest.mark.parametrize("ids", ["t", "n", "b", "tn", "tb", "nb", "ttnb"])
def test_a_signature_that_leaves_one_out_is_refused(world: World, ids: str) -> None:
    """The published verifier takes any element; here all three must be covered, each once."""
    with pytest.raises(SealRefused) as caught:
        read(world, signed(world, ids=ids))
    assert caught.value.code == "signature-wrapped"


def test_a_body_moved_aside_is_refused(world: World) -> None:
    """The signed one under an element that need not be understood, a forged one in its place: with its Id, with another, with none."""
    for own in ('u:Id="b"', 'u:Id="c"', ""):
        data = signed(world).decode()
        start, end = data.index("<s:Body"), data.index("</s:Body>") + len("</s:Body>")
        body = data[start:end]
        forged = data[:start] + f'<s:Body {own}><x xmlns="urn:x">forged</x></s:Body>' + data[end:]
        moved = forged.replace("<a:To>", f'<q xmlns="urn:q">{body}</q><a:To>')
        with pytest.raises(SealRefused) as caught:
            read(world, moved.encode())
        assert caught.value.code in {"seal-malformed", "signature-wrapped"}


def test_what_is_changed_or_not_believed_is_refused(world: World) -> None:
    """Content, name, organisation, state of the key, algorithms."""
    changed = signed(world).replace(b"<y ", b"<w ")
    assert _code(lambda: read(world, changed)) == "signature-invalid"
    assert _code(lambda: read(world, signed(world, lambda root: _rename(root, "another")))) == "signer-organisation"
    assert _code(lambda: read(world, signed(world), organisation="RY6")) == "signer-organisation"
    apart = World()
    stranger = apart.add("X26", Use.SIGNING, subject=common_name("X26 sender"))
    assert _code(lambda: read(world, signed(world, signer=stranger))) == "signer-unknown"
    revoked = World()
    bad = revoked.add("X26", Use.SIGNING, subject=common_name("X26 sender"), state=State.REVOKED, revoked_at=NOW - DAY)
    assert _code(lambda: read(revoked, signed(revoked, signer=bad))) == "signer-revoked"
    sha1 = signed(world).replace(names.SHA256.encode(), names.SHA1.encode())
    assert _code(lambda: read(world, sha1)) == "seal-algorithm-refused"
    assert _code(lambda: read(world, sha1, legacy=True)) == "signature-invalid"
    assert _code(lambda: read(world, signed(world).replace(b'URI="#k"', b'URI="#other"'))) == "signature-wrapped"
    assert _code(lambda: read(world, signed(world).replace(X509_TOKEN.encode(), b"urn:other"))) == "seal-algorithm-refused"


def _rename(root: Node, name: str) -> None:
    root.find(f".//{{{WSSE}}}Username").text = name


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(SealRefused) as caught:
        call()
    return caught.value.code


def test_a_username_is_a_subject_or_its_common_name(world: World) -> None:
    """As 2.4 says, names compared by what they say."""
    certificate = key(world).certificate
    assert is_username_of("X26 sender", certificate)
    assert is_username_of("OU=X26,  CN=x26 Sender", certificate)
    assert not is_username_of("CN=X26 sender", certificate)
    assert not is_username_of("X26", certificate)
