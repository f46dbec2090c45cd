"""Looking at a CMS seal without believing it."""

import pytest

from seal_post import CONTENT, Post
from wardgate.sealing.cms_inspect import inspect_cms
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Limits, Suite


def test_what_can_be_seen_is_whom_it_is_for() -> None:
    """And how it is encrypted; not what it is, nor whose."""
    post = Post()
    seen = inspect_cms(post.sealed())
    serials = {"ECDH-ES+A256KW": post.recipient.certificate.serial_number, "RSA-OAEP-256": post.archive.certificate.serial_number}
    assert (seen.suite, seen.header, seen.beside, seen.context) == (Suite.CMS, {"enc": "A256GCM"}, (), None)
    assert {one["alg"]: int(one["serial"], 16) for one in seen.recipients} == serials
    assert seen.encrypted_bytes > len(CONTENT)


@pytest.mark.parametrize(("body", "limits", "code"), [
    (b"{}", Limits(), "seal-malformed"), (b"\x30\x00", Limits(), "seal-malformed"), (Post().sealed(), Limits(max_sealed_bytes=100), "seal-too-large"),
])
def test_what_is_no_cms_seal_is_refused(body: bytes, limits: Limits, code: str) -> None:
    """By its form, and by its size."""
    with pytest.raises(SealRefused) as caught:
        inspect_cms(body, limits)
    assert caught.value.code == code
