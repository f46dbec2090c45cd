"""Private message keys: which one signs now, which ones open, and what is done with one that cannot be used."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from simulators.message_authority import NOW, MessageAuthority, new_key, pem_of
from wardgate.keystores.errors import KeyInvalid
from wardgate.keystores.message_keys import OPENS_AFTER_RETIREMENT, MessageKeyRing
from wardgate.keystores.private_keys import algorithm_of, load_private, new_private_pem
from wardgate.sealing.keys import MessageKey, State, Trust, Use
from wardgate.stores.message_keys import HeldMessageKey
from wardgate.workflows.key_directory import OrganisationKeys, PublishedKeys

USAGES = {Use.SIGNING: ("digital_signature",), Use.ENCRYPTION: ("key_agreement", "key_encipherment")}


class Rows:
    """A store of keys that were put there."""

    def __init__(self) -> None:
        self.keys: list[HeldMessageKey] = []

    def all(self) -> Sequence[HeldMessageKey]:
        return self.keys


class Place:
    """A ring over rows, a directory, and a clock."""

    def __init__(self) -> None:
        self.authority, self.rows, self.now = MessageAuthority(), Rows(), NOW
        self.published: list[MessageKey] = []
        self.ring = MessageKeyRing(self.rows, self.directory, lambda: self.now)  # type: ignore[arg-type]

    def directory(self) -> PublishedKeys:
        """What is published now."""
        return PublishedKeys.of([OrganisationKeys("X26", tuple(self.published), Trust())])

    def add(self, kid: str, use: Use = Use.SIGNING, kind: str = "ec", state: State | None = State.PUBLISHED, **changes: Any) -> MessageKey:
        """Make a key, hold it, and publish it."""
        pem = new_private_pem(kind)
        key = MessageKey(kid, "X26", use, self.authority.certify("X26", load_private(pem).public_key(), USAGES[use]), state or State.PUBLISHED)
        self.rows.keys.append(replace(HeldMessageKey(kid, "X26", use, NOW, pem, certificate_pem=pem_of(key.certificate)), **changes))
        if state is not None:
            self.published.append(key)
        self.ring.reload()
        return key


@pytest.fixture
def place() -> Place:
    """A ring without keys."""
    return Place()


@pytest.mark.parametrize(("kind", "algorithm"), [("ec", "ES256"), ("rsa", "PS256")])
def test_a_key_signs(place: Place, kind: str, algorithm: str) -> None:
    """In JWS form, with what fits its kind."""
    public: Any = place.add("one", kind=kind).certificate.public_key()
    key = place.ring.signing_key("X26")
    assert key is not None
    signature = key.sign(b"message")
    assert (key.kid, key.algorithm) == ("one", algorithm)
    if kind == "ec":
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        public.verify(encode_dss_signature(r, s), b"message", ec.ECDSA(hashes.SHA256()))
    else:
        public.verify(signature, b"message", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def test_a_key_on_a_curve_agrees(place: Place) -> None:
    """Both sides find the same secret; another curve and RSA's calls are refused."""
    public: Any = place.add("one", Use.ENCRYPTION).certificate.public_key()
    (key,) = place.ring.decryption_keys()
    ours = new_key()
    assert key.agree(ours.public_key()) == ours.exchange(ec.ECDH(), public)
    for call in (lambda: key.agree(new_key("p384").public_key()), lambda: key.agree(new_key("rsa").public_key()), lambda: key.decrypt_oaep(bytes(256)),
                 lambda: key.decrypt_pkcs1(bytes(256))):
        with pytest.raises(ValueError, match=r"curve|kind|RSA"):
            call()


@pytest.mark.parametrize("mgf1_sha1", [False, True])
def test_an_rsa_key_decrypts(place: Place, mgf1_sha1: bool) -> None:
    """OAEP with either mask, and what ITK2 encrypts; what was changed does not decrypt."""
    public: Any = place.add("one", Use.ENCRYPTION, "rsa").certificate.public_key()
    (key,) = place.ring.decryption_keys()
    mask = hashes.SHA1() if mgf1_sha1 else hashes.SHA256()  # noqa: S303 - as XML-Enc has it
    sealed = public.encrypt(b"a key", padding.OAEP(padding.MGF1(mask), hashes.SHA256(), None))
    assert key.decrypt_oaep(sealed, mgf1_sha1=mgf1_sha1) == b"a key"
    assert key.decrypt_pkcs1(public.encrypt(b"a key", padding.PKCS1v15())) == b"a key"
    for call in (lambda: key.decrypt_oaep(sealed, mgf1_sha1=not mgf1_sha1), lambda: key.decrypt_oaep(bytes(256)), lambda: key.agree(new_key().public_key())):
        with pytest.raises(ValueError, match=r".+"):
            call()


def test_the_newest_published_key_signs(place: Place) -> None:
    """One that is not published yet does not, nor one that was retired or revoked, in the directory or here."""
    place.add("old")
    place.authority = MessageAuthority("Later", NOW + timedelta(hours=1))
    place.add("new")
    place.add("unpublished", state=None)
    place.add("retired", state=State.RETIRED)
    place.add("revoked", state=State.REVOKED)
    place.add("retired-here", retired_at=NOW)
    place.now = NOW + timedelta(hours=2)
    assert place.ring.signing_key("X26").kid == "new"  # type: ignore[union-attr]
    place.published = place.published[:1]
    assert place.ring.signing_key("X26").kid == "old"  # type: ignore[union-attr]
    assert place.ring.signing_key("RY6") is None


@pytest.mark.parametrize("at", [NOW - timedelta(days=2), NOW + timedelta(days=366)])
def test_a_key_out_of_date_does_not_sign(place: Place, at: datetime) -> None:
    """Neither before its certificate begins nor after it ends."""
    place.add("one")
    place.now = at
    assert place.ring.signing_key("X26") is None


def test_a_key_published_with_another_certificate_does_not_sign(place: Place) -> None:
    """Receivers would not find its signatures."""
    place.add("one")
    place.published[0] = replace(place.published[0], certificate=place.authority.certify("X26", new_key().public_key()))
    assert place.ring.signing_key("X26") is None


def test_a_retired_key_opens_for_a_while(place: Place) -> None:
    """At least 35 days, also when its document is gone; a revoked one does not open, nor does one nobody certified."""
    assert timedelta(days=35) <= OPENS_AFTER_RETIREMENT
    key = place.add("retired", Use.ENCRYPTION, state=State.RETIRED, retired_at=NOW, opens_until=NOW + OPENS_AFTER_RETIREMENT)
    place.add("revoked", Use.ENCRYPTION, state=State.REVOKED)
    place.add("uncertified", Use.ENCRYPTION, state=None, certificate_pem=None)
    place.add("signs")
    sha256 = key.certificate.fingerprint(hashes.SHA256())
    for published in (place.published, []):
        place.published = list(published)
        place.now = NOW + timedelta(days=34)
        assert place.ring.decryption_key("retired").kid == "retired"  # type: ignore[union-attr]
        assert place.ring.decryption_key_of(sha256).kid == "retired"  # type: ignore[union-attr]
        place.now = NOW + timedelta(days=35)
        assert place.ring.decryption_key("retired") is place.ring.decryption_key_of(sha256) is None
    place.now = NOW
    assert place.ring.decryption_key_of(bytes(32)) is place.ring.decryption_key("signs") is place.ring.decryption_key("uncertified") is None


def test_of_published_keys_the_revoked_do_not_open(place: Place) -> None:
    """While the others do."""
    place.add("revoked", Use.ENCRYPTION, state=State.REVOKED)
    place.add("one", Use.ENCRYPTION)
    assert [key.kid for key in place.ring.decryption_keys()] == ["one"]
    assert place.ring.decryption_key("revoked") is None


def test_an_erased_key_is_gone(place: Place) -> None:
    """With the next reload."""
    place.add("one", Use.ENCRYPTION)
    place.rows.keys[0] = replace(place.rows.keys[0], private_pem=None)
    place.ring.reload()
    assert place.ring.decryption_keys() == []


@pytest.mark.parametrize(("changes", "fault"), [
    ({"private_pem": "no key"}, "cannot be read"), ({"private_pem": new_private_pem("ec")}, "not the one of its certificate"),
    ({"certificate_pem": "none"}, "certificate of bad cannot be read"),
    ({"private_pem": None, "hardware": "pkcs11:token=t;object=k"}, "WARDGATE_PKCS11_MODULE"), ({"private_pem": None, "hardware": "pkcs11:token=t"}, "by object, id or both"),
])
def test_a_key_that_cannot_be_used_is_named_and_left_out(place: Place, changes: dict[str, Any], fault: str) -> None:
    """The others go on; its text is in no fault."""
    place.add("bad", **changes)
    place.add("good")
    assert place.ring.signing_key("X26").kid == "good"  # type: ignore[union-attr]
    assert list(place.ring.faults) == ["bad"]
    assert fault in place.ring.faults["bad"]
    assert "BEGIN" not in place.ring.faults["bad"]


@pytest.mark.parametrize(("kind", "bits"), [("rsa", 1024), ("rsa", 2047), ("dsa", 2048), ("", 2048)])
def test_what_no_key_is_made_of(kind: str, bits: int) -> None:
    """Weak and foreign kinds."""
    with pytest.raises(ValueError, match="a message key is ec, or rsa of 2048 or 3072 bits"):
        new_private_pem(kind, bits)


def test_what_is_made_is_as_long_as_was_asked() -> None:
    """RSA of 3072 bits."""
    key = load_private(new_private_pem("rsa", 3072))
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 3072


def test_what_does_not_sign() -> None:
    """A curve that no algorithm here is for."""
    with pytest.raises(KeyInvalid, match="does not sign"):
        algorithm_of(ec.generate_private_key(ec.SECP521R1()).public_key())
