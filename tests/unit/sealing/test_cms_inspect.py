"""Looking at a CMS seal without believing it."""

import pytest

from seal_post import CONTENT, Post
from wardgate.cms import oids
from wardgate.cms.ber import Octets
from wardgate.pki import der
from wardgate.sealing.cms_inspect import _name, inspect_cms
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Limits, Suite


def test_what_can_be_seen_is_whom_it_is_for() -> None:
    """And how it is encrypted; not what it is, nor whose."""
    post = Post()
    seen = inspect_cms(Octets(post.sealed()))
    serials = {"ECDH": post.recipient.certificate.serial_number, "RSA-OAEP": post.archive.certificate.serial_number}
    assert (seen.suite, seen.header, seen.beside, seen.context) == (Suite.CMS, {"enc": "A256GCM", "content_type": oids.DATA}, (), None)
    assert {one["alg"]: int(one["serial"], 16) for one in seen.recipients} == serials
    assert seen.encrypted_bytes > len(CONTENT)


@pytest.mark.parametrize("tag", range(1, 31))
def test_an_issuer_that_somebody_made_up_is_shown_as_it_is(tag: int) -> None:
    """A name whose text is of any type, a real number among them, stops nobody from looking."""
    text = bytes((tag, 3)) + b"\x03\x01\x02"
    name = der.sequence((der.write(der.SET, der.sequence((oids.oid("1.2.3.4"), text))),))
    assert _name(name)


@pytest.mark.parametrize(("body", "limits", "code"), [
    (b"{}", Limits(), "seal-malformed"), (b"\x30\x00", Limits(), "seal-malformed"), (Post().sealed(), Limits(max_sealed_bytes=100), "seal-too-large"),
])
def test_what_is_no_cms_seal_is_refused(body: bytes, limits: Limits, code: str) -> None:
    """By its form, and by its size."""
    with pytest.raises(SealRefused) as caught:
        inspect_cms(Octets(body), limits)
    assert caught.value.code == code
