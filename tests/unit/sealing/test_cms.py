"""The CMS suite: what is sealed is opened by whom it is for, and each way in which a message is refused."""

import hashlib
import io
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from asn1crypto import cms as judge
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from hypothesis import given
from hypothesis import strategies as st

from message_world import DAY, NOW, RSA_KEY, YEAR
from seal_post import BROUGHT, CONTENT, CONTEXT, SAID, XML, Only, Post
from time_stamping import Authority
from wardgate.cms import oids
from wardgate.sealing import cms, modern, xml
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import State, Trust, Use
from wardgate.sealing.model import Limits, Purpose, Statement, Suite, Transport
from wardgate.sealing.stream import verify_evidence


@pytest.fixture
def post() -> Post:
    """A world of senders and receivers."""
    return Post()


def test_what_is_sealed_is_opened_by_each_recipient_and_nobody_else(post: Post) -> None:
    """With everything that was said beside the content."""
    sealed = cms.seal(CONTENT, XML, CONTEXT, SAID, post.signer, post.to(), directory=post, now=NOW, random=os.urandom)
    assert (sealed.suite, sealed.media_type, sealed.encrypted) == (Suite.CMS, "application/cms", True)
    for held in (post.recipient, post.archive):
        opened = post.open(sealed.body, held=Only(held))
        assert (opened.content, opened.media_type, opened.context, opened.opened_with) == (CONTENT, XML, CONTEXT, held.kid)
        (signed,) = opened.signatures
        assert (signed.kid, signed.algorithm, signed.organisation, signed.statement) == (post.signer.kid, "ES256", "X26", SAID)
        assert signed.digest == hashlib.sha256(CONTENT).hexdigest()
        assert str(len(CONTENT)) in signed.covers
    other = post.add("RY6", Use.ENCRYPTION)
    assert post.code(sealed.body, held=Only(other)) == "seal-not-for-us"
    assert post.code(sealed.body, held=Only()) == "seal-not-for-us"


@pytest.mark.parametrize(
    ("algorithm", "private"),
    [("ES256", ec.generate_private_key(ec.SECP256R1())), ("ES384", ec.generate_private_key(ec.SECP384R1())), ("PS256", RSA_KEY), ("EdDSA", ed25519.Ed25519PrivateKey.generate())],
)
def test_every_algorithm_of_signatures(post: Post, algorithm: str, private: Any) -> None:
    """Each with its own digest; the record's digest is always SHA-256."""
    signer = post.add("X26", Use.SIGNING, private=private, algorithm=algorithm)
    (signed,) = post.open(post.sealed(signer=signer)).signatures
    assert (signed.algorithm, signed.digest) == (algorithm, hashlib.sha256(CONTENT).hexdigest())


def test_the_structure_by_another_reader(post: Post) -> None:
    """asn1crypto finds the types, algorithms and attributes of RFC 5083, RFC 5084 and RFC 5753."""
    body = post.sealed()
    info = judge.ContentInfo.load(body)
    assert info["content_type"].native == "authenticated_enveloped_data"
    inner = info["content"]
    assert inner["version"].native == "v0"
    encrypted = inner["auth_encrypted_content_info"]
    assert encrypted["content_type"].native == "data"
    assert encrypted["content_encryption_algorithm"]["algorithm"].dotted == oids.AES256_GCM
    assert [one.name for one in inner["recipient_infos"]] in (["ktri", "kari"], ["kari", "ktri"])
    assert len(inner["mac"].native) == 16
    assert inner["auth_attrs"].native is None
    for told in (CONTEXT.sender, CONTEXT.workflow, CONTEXT.message_id):
        assert told.encode() not in body


@given(content=st.binary(min_size=1, max_size=5000))
def test_any_content_comes_back_as_it_was(content: bytes) -> None:
    """Octet for octet."""
    assert STANDING.open(STANDING.sealed(content)).content == content


STANDING = Post()


@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_any_bit_that_is_changed_is_refused(at: int, bit: int) -> None:
    """Wherever it is. What is changed outside the content and its key may read as another structure, never as another message."""
    body = bytearray(SEALED)
    body[at % len(body)] ^= 1 << bit
    code = STANDING.code(bytes(body))
    assert code in {"seal-malformed", "seal-algorithm-refused", "seal-not-for-us", "seal-undecryptable", "seal-too-large", "seal-encryption-missing"} or (
        code is None and STANDING.open(bytes(body)).content == b"short"
    )


SEALED = STANDING.sealed(b"short", recipients=STANDING.to(STANDING.recipient))


@given(cut=st.integers(min_value=1))
def test_a_message_that_is_cut_short_is_refused(cut: int) -> None:
    """At any place."""
    assert STANDING.code(SEALED[: -(cut % len(SEALED)) or -1]) == "seal-malformed"


def test_octets_after_the_end_are_refused(post: Post) -> None:
    """Of whatever kind."""
    body = post.sealed()
    for more in (b"\x00", b"\x00\x00", b"x", body):
        assert post.code(body + more) == "seal-malformed"


def test_gzip_of_xml_is_folded_and_unfolded(post: Post) -> None:
    """And never to more than the limit."""
    body = post.sealed(compress=True)
    assert len(body) < len(CONTENT)
    assert post.open(body).content == CONTENT
    assert post.code(body, limits=Limits(max_content_bytes=len(CONTENT) - 1)) == "seal-too-large"


def test_limits(post: Post) -> None:
    """On what arrives, on what is inside, on recipients, when sealing and when opening."""
    body = post.sealed()
    assert post.code(body, limits=Limits(max_sealed_bytes=len(body) - 1)) == "seal-too-large"
    assert post.code(body, limits=Limits(max_content_bytes=len(CONTENT) - 1)) == "seal-too-large"
    assert post.code(body, limits=Limits(max_recipients=1)) == "seal-malformed"
    for changes, code in (({"limits": Limits(max_content_bytes=10)}, "seal-too-large"), ({"limits": Limits(max_recipients=1)}, "recipient-key-unusable"), ({"recipients": []}, "recipient-key-unknown")):
        with pytest.raises(SealRefused) as refused:
            post.sealed(**changes)
        assert refused.value.code == code


CONTEXT_ROWS: dict[str, Transport] = {
    "another sender": replace(BROUGHT, sender="X26OT009"), "another receiver": replace(BROUGHT, recipient="RY6OT009"), "another workflow": replace(BROUGHT, workflow="WORKFLOW_B"),
}


@pytest.mark.parametrize("brought", CONTEXT_ROWS.values(), ids=CONTEXT_ROWS)
def test_a_message_that_was_brought_another_way(post: Post, brought: Transport) -> None:
    """The context says whence, whereto and as what."""
    assert post.code(post.sealed(), transport=brought) == "seal-context"


def test_a_file_says_nothing_of_its_way(post: Post) -> None:
    """Then nothing is compared."""
    assert post.code(post.sealed(), transport=None) is None


def test_a_seal_of_another_suite_where_a_workflow_wants_it(post: Post) -> None:
    """The suite is asked before anything is read."""
    assert post.code(post.sealed(), suites=(Suite.MODERN,)) == "seal-suite-refused"


def test_time(post: Post) -> None:
    """35 days old at most, 5 minutes ahead at most."""
    for late, code in ((timedelta(days=35), None), (timedelta(days=35, seconds=1), "seal-stale"), (-timedelta(minutes=5), None), (-timedelta(minutes=5, seconds=1), "seal-stale")):
        lists = post.root.revocations(at=NOW - DAY, end=NOW + 40 * DAY), post.issuing.revocations(at=NOW - DAY, end=NOW + 40 * DAY)
        post.trusts["X26"] = post.believed(*lists)
        assert post.code(post.sealed(), now=NOW + late) == code


def test_signers_that_are_not_believed(post: Post) -> None:
    """The rules are those of `trust`; each is met here too."""
    body = post.sealed()
    key = post.keys[post.signer.kid]
    believed = post.trusts["X26"]
    post.keys.pop(key.kid)
    assert post.code(body) == "signer-unknown"
    post.keys[key.kid] = replace(key, state=State.REVOKED, revoked_at=NOW - DAY)
    assert post.code(body) == "signer-revoked"
    post.keys[key.kid] = replace(key, organisation="RQM")
    assert post.code(body) == "signer-organisation"
    post.keys[key.kid] = key
    post.trusts["X26"] = Trust()
    assert post.code(body) == "signer-untrusted"
    post.trusts["X26"] = replace(believed, revocations=())
    assert post.code(body) == "signer-revocation-unknown"
    post.trusts["X26"] = post.believed(post.root.revocations(), post.issuing.revocations(key.certificate))
    assert post.code(body) == "signer-revoked"


def test_a_key_of_another_organisation_does_not_seal_for_this_one(post: Post) -> None:
    """Nor one whose certificate is over; nor one of another algorithm than its own."""
    other, over = post.add("RQM", Use.SIGNING), post.add("X26", Use.SIGNING, end=NOW - DAY)
    wrong = replace(post.signer, algorithm="ES384")
    for signer, code in ((other, "signing-key-unavailable"), (over, "signing-key-unavailable"), (wrong, "seal-algorithm-refused"), (replace(post.signer, algorithm="none"), "seal-algorithm-refused")):
        with pytest.raises(SealRefused) as refused:
            post.sealed(signer=signer)
        assert refused.value.code == code


@pytest.mark.parametrize("state", [State.RETIRED, State.REVOKED])
def test_a_key_that_the_directory_has_as_over_seals_nothing(post: Post, state: State) -> None:
    """In no suite that knows the directory."""
    post.keys[post.signer.kid] = replace(post.keys[post.signer.kid], state=state)
    for suite in (cms, modern, xml):
        with pytest.raises(SealRefused) as refused:
            suite.seal(CONTENT, XML, CONTEXT, SAID, post.signer, post.to(), directory=post, now=NOW, random=os.urandom)
        assert refused.value.code == "signing-key-unavailable"


def test_recipients_keys_that_are_not_used(post: Post) -> None:
    """One that is over, one of another kind, one twice."""
    over = post.add("RY6", Use.ENCRYPTION, end=NOW - DAY)
    other = post.add("RY6", Use.ENCRYPTION, private=x25519.X25519PrivateKey.generate())
    for recipients in (post.to(over), post.to(other), post.to(post.recipient, post.recipient)):
        with pytest.raises(SealRefused) as refused:
            post.sealed(recipients=recipients)
        assert refused.value.code == "recipient-key-unusable"


def test_a_message_for_new_keys(post: Post) -> None:
    """The content stays as it is; the old keys open the new form no longer."""
    body = post.sealed(recipients=post.to(post.recipient))
    new = post.add("RY6", Use.ENCRYPTION)
    again = cms.rekey(body, post.to(new, post.archive), held=Only(post.recipient), directory=post, now=NOW)
    for held in (new, post.archive):
        assert post.open(again, held=Only(held)).content == CONTENT
    assert post.code(again) == "seal-not-for-us"
    with pytest.raises(SealRefused, match="Unreadable"):
        cms.rekey(body, post.to(new), held=Only(new), directory=post, now=NOW)


class Deaf:
    """A time-stamping authority that cannot be asked."""

    def stamp(self, sha256: bytes) -> bytes:
        """`TimeStamper`."""
        raise ConnectionRefusedError(len(sha256))


def test_a_time_stamp_is_asked_for_and_found(post: Post) -> None:
    """And an authority that does not answer stops the sealing."""
    authority = Authority(post).trusted()
    (signed,) = post.open(post.sealed(stamper=authority)).signatures
    assert signed.time_stamped_at == NOW
    (signed,) = post.open(post.sealed()).signatures
    assert signed.time_stamped_at is None
    post.time = Trust()
    assert post.code(post.sealed(stamper=authority)) == "time-stamp-invalid"
    with pytest.raises(SealRefused) as refused:
        post.sealed(stamper=Deaf())
    assert refused.value.code == "time-stamp-missing"


@pytest.mark.parametrize("private", [None, RSA_KEY], ids=["ES256", "PS256"])
def test_a_signature_that_was_time_stamped_outlives_its_certificate(post: Post, private: Any) -> None:
    """Five years after; without the time-stamp it is refused, and so is one that was stamped after the end."""
    signer = post.add("X26", Use.SIGNING, end=NOW + DAY, **({"private": private, "algorithm": "PS256"} if private else {}))
    authority = Authority(post).trusted()
    later = NOW + 5 * YEAR
    lists = post.root.revocations(at=NOW + 2 * DAY, end=NOW + 3 * DAY), post.issuing.revocations(at=NOW + 2 * DAY, end=NOW + 3 * DAY)
    stamped, plain = (post.open(post.sealed(signer=signer, stamper=stamper)).evidence for stamper in (authority, None))
    authority.now = NOW + 2 * DAY
    lies = post.sealed(signer=signer, stamper=authority)
    post.trusts["X26"] = post.time = post.believed(*lists)
    signed, media_type = verify_evidence(stamped, io.BytesIO(CONTENT), CONTEXT, directory=post, now=later)
    assert (signed.time_stamped_at, signed.statement, media_type) == (NOW, SAID, XML)
    with pytest.raises(SealRefused) as refused:
        verify_evidence(plain, io.BytesIO(CONTENT), CONTEXT, directory=post, now=later)
    assert refused.value.code == "signer-expired"
    assert post.code(lies, now=later, limits=Limits(max_age=9 * YEAR)) == "signer-expired"


def test_nobody_is_named_where_a_message_is_shown(post: Post) -> None:
    """On whose behalf it was signed is personal, and the content is the sender's: a log may show either's objects."""
    opened = post.open(post.sealed())
    assert opened.signatures[0].statement.on_behalf_of == SAID.on_behalf_of
    for personal in ("555021935107", "555254240100", "Bundle xmlns"):
        assert personal not in f"{opened!r} {SAID!r}"


def test_evidence_is_of_its_content_and_context(post: Post) -> None:
    """Of nothing else."""
    evidence = post.open(post.sealed()).evidence
    for content, context, code in ((b"other", CONTEXT, "signature-invalid"), (CONTENT, replace(CONTEXT, workflow="B"), "seal-context")):
        with pytest.raises(SealRefused) as refused:
            verify_evidence(evidence, io.BytesIO(content), context, directory=post, now=NOW)
        assert refused.value.code == code


def test_counter_signatures(post: Post) -> None:
    """Over the signature; by anybody whom the directory knows, and each of them believed."""
    witness = post.add("RQM", Use.SIGNING)
    said = Statement(NOW, Purpose.WITNESS)
    body = post.sealed(counter_signers=[(witness, said), (post.signer, replace(said, purpose=Purpose.REVIEW))])
    (signed,) = post.open(body).signatures
    assert {(one.organisation, one.statement.purpose) for one in signed.counter_signed_by} == {("RQM", Purpose.WITNESS), ("X26", Purpose.REVIEW)}
    ahead = post.sealed(counter_signers=[(post.signer, replace(said, signed_at=NOW + timedelta(minutes=6)))])
    assert post.code(ahead) == "seal-stale"
    post.trusts["RQM"] = Trust()
    assert post.code(body) == "signer-untrusted"
