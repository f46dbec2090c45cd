"""Keys of a directory of files: what is read, and what is not taken."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from message_world import NOW, RSA_KEY, YEAR, Held, World
from wardgate.client.errors import KeyUnusable
from wardgate.client.key_ring import KeyRing
from wardgate.client.key_ring_files import read_key_ring
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import MessageKey, State, Use
from wardgate.sealing.trust import check_recipient, check_signer


def write_key(place: Path, held: Held, *, private: bool = True, password: bytes | None = None, between: tuple[Any, ...] = ()) -> None:
    """A certificate, and its private half."""
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{held.kid}.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (held.certificate, *between)))
    if private:
        secret = place / f"{held.kid}.key"
        secret.touch(0o600)
        how = BestAvailableEncryption(password) if password else NoEncryption()
        secret.write_bytes(held.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))


def write_authorities(place: Path, world: World) -> None:
    """The world's root, and the lists of both authorities."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "authorities.pem").write_bytes(world.root.certificate.public_bytes(Encoding.PEM))
    lists = (world.root.revocations(), world.issuing.revocations())
    (place / "revocations.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in lists))


@pytest.fixture
def world() -> World:
    """X26 is we; RY6 a partner."""
    made = World()
    made.signer, made.opener = made.add("X26", Use.SIGNING), made.add("X26", Use.ENCRYPTION, private=RSA_KEY)  # type: ignore[attr-defined]
    made.partner = made.add("RY6", Use.ENCRYPTION)  # type: ignore[attr-defined]
    return made


@pytest.fixture
def folder(world: Any, tmp_path: Path) -> Path:
    """Its files."""
    between = (world.issuing.certificate,)
    write_key(tmp_path / "X26", world.signer, between=between)
    write_key(tmp_path / "X26", world.opener, between=between)
    write_key(tmp_path / "RY6", world.partner, private=False, between=between)
    write_authorities(tmp_path, world)
    return tmp_path


def read(folder: Path, **more: Any) -> KeyRing:
    """The ring at the world's time."""
    return read_key_ring(folder, now=lambda: NOW, **more)


def test_a_ring_signs_opens_and_believes(world: Any, folder: Path) -> None:
    """As the directory of an installation does."""
    ring = read(folder)
    signer = ring.signing_key("X26")
    assert signer is not None
    assert (signer.kid, signer.algorithm, ring.signing_key("RY6")) == (world.signer.kid, "ES256", None)
    assert [key.kid for key in ring.decryption_keys()] == [world.opener.kid]
    (partner,) = ring.encryption_keys("RY6")
    check_recipient(partner, ring, "RY6", NOW)
    found = ring.key(world.signer.kid)
    assert found is not None
    check_signer(found, ring, organisation="X26", signed_at=NOW, now=NOW, stamped_at=None)
    digest = world.opener.certificate.fingerprint(world.opener.certificate.signature_hash_algorithm)
    assert ring.decryption_key_of(digest) is ring.decryption_key(world.opener.kid)
    assert (ring.decryption_key_of(b""), ring.by_certificate(digest), ring.time_authorities().anchors) == (None, ring.key(world.opener.kid), ())


def test_an_organisation_with_authorities_of_its_own(folder: Path) -> None:
    """Nobody else is believed for it."""
    other = World()
    write_authorities(folder / "RY6", other)
    ring = read(folder)
    with pytest.raises(SealRefused):
        check_recipient(ring.encryption_keys("RY6")[0], ring, "RY6", NOW)
    assert ring.trust("RY6").anchors == (other.root.certificate,) != ring.trust("X26").anchors
    write_authorities(folder / "time-stamps", other)
    assert read(folder).time_authorities().anchors == (other.root.certificate,)


def test_keys_that_are_over(world: Any, folder: Path) -> None:
    """A retired key opens and verifies; a revoked one does neither; one out of date does not sign."""
    for state in ("retired", "revoked"):
        (folder / "X26" / state).mkdir()
    for name in (f"{world.signer.kid}.pem", f"{world.signer.kid}.key"):
        (folder / "X26" / name).rename(folder / "X26" / "retired" / name)
    for name in (f"{world.opener.kid}.pem", f"{world.opener.kid}.key"):
        (folder / "X26" / name).rename(folder / "X26" / "revoked" / name)
    ring = read(folder)
    assert (ring.signing_key("X26"), ring.decryption_keys(), ring.encryption_keys("X26")) == (None, [], [])
    assert ring.keys[world.signer.kid].state is State.RETIRED
    write_key(folder / "X26", world.add("X26", Use.SIGNING, end=NOW - timedelta(days=1), start=NOW - YEAR))
    assert read(folder).signing_key("X26") is None


def test_private_keys_with_a_password(world: Any, folder: Path) -> None:
    """It opens them; without it they are not read, and it is in no error."""
    write_key(folder / "X26", world.signer, password=b"correct horse")
    assert read(folder, password=b"correct horse").signing_key("X26") is not None
    with pytest.raises(KeyUnusable, match="password") as refused:
        read(folder, password=b"wrong")
    assert "wrong is" not in str(refused.value)


def test_keys_in_hardware(world: Any, folder: Path) -> None:
    """Somebody has to speak to it."""
    (folder / "X26" / f"{world.signer.kid}.key").write_text("pkcs11:token=messages;object=x26\n")
    with pytest.raises(KeyUnusable, match="in hardware"):
        read(folder)
    asked: list[Any] = []
    ring = read(folder, hardware=lambda *of: asked.append(of) or world.signer)
    assert ring.signing_key("X26") is world.signer
    assert asked == [(world.signer.kid, world.signer.certificate, "pkcs11:token=messages;object=x26", Use.SIGNING)]


def spoil(folder: Path, world: Any, how: str) -> None:
    """One thing that is wrong with the files."""
    place, kid = folder / "X26", world.signer.kid
    if how == "others may read":
        (place / f"{kid}.key").chmod(0o644)
    elif how == "not a key":
        (place / f"{kid}.key").write_text("secret")
    elif how == "too large":
        (place / f"{kid}.key").write_text("x" * 100_001)
    elif how == "not the private half":
        (place / f"{kid}.key").write_bytes((place / f"{world.opener.kid}.key").read_bytes())
    elif how == "not a certificate":
        (place / f"{kid}.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    elif how == "not an organisation":
        place.rename(folder / "our keys")
    elif how == "for both":
        both = world.add("X26", Use.SIGNING, usages=("digital_signature", "key_agreement"))
        write_key(place, both)
    elif how == "a name twice":
        (folder / "RY6" / f"{kid}.pem").write_bytes((place / f"{kid}.pem").read_bytes())
    elif how == "not a list":
        (folder / "revocations.pem").write_text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    else:
        raise AssertionError(how)


WRONG = {
    "others may read": "chmod 600", "not a key": "no private key in PEM", "too large": "too large", "not the private half": "not the private half",
    "not a certificate": "does not hold a certificate", "not an organisation": "ODS code", "for both": "neither signing alone", "a name twice": "there twice",
    "not a list": "X509 CRL",
}


@pytest.mark.parametrize("how", WRONG)
def test_what_is_not_taken(world: Any, folder: Path, how: str) -> None:
    """The file is named, and nothing of what is in it."""
    spoil(folder, world, how)
    with pytest.raises(KeyUnusable, match=WRONG[how]) as refused:
        read(folder)
    assert "secret" not in str(refused.value)
    assert str(folder) in str(refused.value)


def test_no_directory(tmp_path: Path) -> None:
    """Is said so."""
    with pytest.raises(KeyUnusable, match="no directory"):
        read(tmp_path / "none")


def test_a_private_key_has_a_public_one(world: Any) -> None:
    """Of the same id, use and certificate."""
    with pytest.raises(ValueError, match="not that of a signing key"):
        KeyRing.of([], [world.signer])
    with pytest.raises(ValueError, match="not that of a signing key"):
        KeyRing.of([MessageKey(world.signer.kid, "X26", Use.SIGNING, world.opener.certificate)], [world.signer])
