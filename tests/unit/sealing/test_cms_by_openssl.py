"""A whole seal of ours, opened by the `openssl` command as a partner would: decrypted, then verified."""

import io
import os
from pathlib import Path

import pytest

from message_world import NOW, RSA_KEY, YEAR
from seal_post import CONTENT, CONTEXT, SAID, Post
from time_stamping import Authority, openssl, write_pem
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Purpose, Statement
from wardgate.sealing.stream import seal_stream

LONG = os.urandom(3_000_001)
VERIFY = ("cms", "-verify", "-binary", "-cades", "-inform", "DER", "-CAfile", "chain.pem", "-attime", str(int(NOW.timestamp())), "-purpose", "any", "-in", "inner", "-out", "clear")


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A world whose recipients' keys are on disk."""
    made = Post()
    write_pem(tmp_path / "chain.pem", made.root.certificate, made.issuing.certificate)
    for kind, held in (("ec", made.recipient), ("rsa", made.archive)):
        write_pem(tmp_path / f"{kind}.pem", held.certificate)
        write_pem(tmp_path / f"{kind}.key", held.private)
    return made


def opened(folder: Path, body: bytes, kind: str) -> bytes:
    """What `openssl cms` finds inside, verified with signingCertificateV2."""
    (folder / "sealed").write_bytes(body)
    openssl(folder, "cms", "-decrypt", "-binary", "-inform", "DER", "-in", "sealed", "-out", "inner", "-recip", f"{kind}.pem", "-inkey", f"{kind}.key")
    openssl(folder, *VERIFY)
    return (folder / "clear").read_bytes()


@pytest.mark.parametrize("kind", ["ec", "rsa"])
@pytest.mark.parametrize("algorithm", ["ES256", "PS256"])
def test_a_message_is_opened_by_each_recipient(post: Post, tmp_path: Path, kind: str, algorithm: str) -> None:
    """With a time-stamp and a counter-signature beside the signature."""
    signer = post.add("X26", Use.SIGNING, private=RSA_KEY, algorithm="PS256") if algorithm == "PS256" else post.signer
    witness = post.add("RQM", Use.SIGNING)
    body = post.sealed(signer=signer, stamper=Authority(post).trusted(), counter_signers=[(witness, Statement(NOW, Purpose.WITNESS))])
    assert opened(tmp_path, body, kind) == CONTENT


def test_a_stream_of_many_parts_is_opened(post: Post, tmp_path: Path) -> None:
    """In parts of half a megabyte."""
    out = io.BytesIO()
    seal_stream(io.BytesIO(LONG), out, "application/pdf", CONTEXT, SAID, post.signer, post.to(), directory=post, now=NOW, random=os.urandom)
    assert opened(tmp_path, out.getvalue(), "ec") == LONG


def test_openssl_refuses_what_was_changed_and_who_is_not_believed(post: Post, tmp_path: Path) -> None:
    """So that the two above say something."""
    body = bytearray(post.sealed())
    openssl_decrypt = ("cms", "-decrypt", "-binary", "-inform", "DER", "-in", "changed", "-out", "none", "-recip", "ec.pem", "-inkey", "ec.key")
    body[len(body) // 2] ^= 1
    (tmp_path / "changed").write_bytes(body)
    assert openssl(tmp_path, *openssl_decrypt, check=False).returncode != 0
    assert opened(tmp_path, post.sealed(), "ec") == CONTENT
    late = tuple(str(int((NOW + 9 * YEAR).timestamp())) if one == VERIFY[VERIFY.index("-attime") + 1] else one for one in VERIFY)
    assert openssl(tmp_path, *late, check=False).returncode != 0
