"""`wardgate key`: key sets made of PEM files, and everything sealed again with a new store key."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from wardgate.demo.keys import private_pem, public_jwk
from wardgate.keystores.store_key import new_store_key


def _private(path: Path, key: Any, password: bytes | None = None) -> Path:
    sealed = BestAvailableEncryption(password) if password else NoEncryption()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed))
    return path


def test_a_key_set_has_the_public_half_only(wardgate: Any, tmp_path: Path) -> None:
    """The set of a private key is what the demo publishes for it: no private member, `kid` from the file's name."""
    path = tmp_path / "demo-1.pem"
    path.write_text(private_pem("demo-1"))
    answer = wardgate("key", "jwks", path)
    assert answer.data == {"keys": [public_jwk("demo-1")]}
    assert wardgate("key", "jwks", path, "-o", "json").data == answer.data


def test_keys_of_every_kind_make_one_set_that_the_server_takes(wardgate: Any, tmp_path: Path) -> None:
    """RSA, P-256 and Ed25519, public or private, make a set that `doctor jwks` passes."""
    public = tmp_path / "edge.pem"
    public.write_bytes(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    files = [_private(tmp_path / "old.pem", rsa.generate_private_key(65537, 2048)), _private(tmp_path / "curve.pem", ec.generate_private_key(ec.SECP256R1())), public]
    answer = wardgate("key", "jwks", "--alg", "PS256", *files)
    assert [(key["kid"], key["alg"]) for key in answer.data["keys"]] == [("old", "PS256"), ("curve", "ES256"), ("edge", "EdDSA")]
    assert wardgate("doctor", "jwks", "-", "--profile", "strict", stdin=answer.out).code == 0


def test_an_encrypted_key_needs_its_password(wardgate: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes from the environment; without it the key is refused by its file's name alone."""
    path = _private(tmp_path / "locked.pem", ec.generate_private_key(ec.SECP256R1()), b"a password")
    refused = wardgate("key", "jwks", path)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == f"wardgate: {path}: not a key in PEM, or its password is missing or wrong\n"
    monkeypatch.setenv("WARDGATE_KEY_PASSWORD", "a password")
    assert wardgate("key", "jwks", path).code == 0


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(wardgate: Any, tmp_path: Path, content: bytes) -> None:
    """A file that holds no key is refused in one line, without its content."""
    path = tmp_path / "file.pem"
    path.write_bytes(content)
    answer = wardgate("key", "jwks", path)
    assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    assert "AAAA" not in answer.err


def test_a_kind_of_key_that_nobody_takes_is_refused(wardgate: Any, tmp_path: Path) -> None:
    """P-384 is no key of a client assertion here."""
    assert wardgate("key", "jwks", _private(tmp_path / "wide.pem", ec.generate_private_key(ec.SECP384R1()))).code == 1


def test_two_files_of_one_name_are_wrong_use(wardgate: Any, tmp_path: Path) -> None:
    """A kid is used once."""
    (tmp_path / "other").mkdir()
    files = [_private(folder / "same.pem", ec.generate_private_key(ec.SECP256R1())) for folder in (tmp_path, tmp_path / "other")]
    assert wardgate("key", "jwks", *files).code == 2


def test_a_store_key_is_replaced(installed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the new key first and the old behind it, everything is sealed again, and the new one alone then opens it."""
    old, new = (tmp_path / "data" / "keys" / "store.key").read_text().strip(), new_store_key()
    monkeypatch.setenv("WARDGATE_STORE_KEY", f"{new}, {old}")
    first = installed("key", "reseal", "-o", "json")
    assert first.code == 0
    assert first.data["resealed"] > 0
    assert installed("key", "reseal", "-o", "json").data == {"resealed": 0}
    monkeypatch.setenv("WARDGATE_STORE_KEY", new)
    assert installed("app", "show", "first-app").code == 0


def test_resealing_with_a_wrong_key_changes_nothing(installed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the key that sealed the store, nothing is resealed, and the right key goes on opening it."""
    monkeypatch.setenv("WARDGATE_STORE_KEY", new_store_key())
    assert installed("key", "reseal").code == 1
    monkeypatch.delenv("WARDGATE_STORE_KEY")
    assert installed("app", "show", "first-app").code == 0


def test_there_must_be_something_to_reseal(wardgate: Any) -> None:
    """A directory without a Wardgate is said to be one, and stays without."""
    assert wardgate("key", "reseal").code == 1
