"""Sealing at rest."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from wardgate.keystores.sealing import Sealer, key_id
from wardgate.stores.errors import WrongStoreKey

ONE, TWO = b"1" * 32, b"2" * 32


@given(plain=st.binary(max_size=300), place=st.text(max_size=60).filter(lambda text: text.isprintable()))
def test_round_trip(plain: bytes, place: str) -> None:
    """What is sealed opens at its place, and is not readable in between."""
    sealer = Sealer([ONE])
    sealed = sealer.seal(plain, place)
    assert sealer.open(sealed, place) == plain
    assert len(plain) < 4 or plain not in sealed


def test_two_seals_of_one_value_differ() -> None:
    """Salt and nonce are random."""
    assert Sealer([ONE]).seal(b"x", "p") != Sealer([ONE]).seal(b"x", "p")


@pytest.mark.parametrize("position", range(53))
def test_any_changed_byte_is_noticed(position: int) -> None:
    """Version, key id, salt, nonce, ciphertext and tag are all protected."""
    sealed = bytearray(Sealer([ONE]).seal(b"", "p"))
    sealed[position] ^= 1
    with pytest.raises(WrongStoreKey):
        Sealer([ONE]).open(bytes(sealed), "p")


@pytest.mark.parametrize("cut", [0, 1, 8, 20, 25, 36, 37, 52])
def test_cut_value_is_refused(cut: int) -> None:
    """A value that lost its end is damaged, not empty."""
    with pytest.raises(WrongStoreKey):
        Sealer([ONE]).open(Sealer([ONE]).seal(b"", "p")[:cut], "p")


def test_values_of_the_first_version_open() -> None:
    """They were sealed with the store key itself; a version that was changed does not open."""
    named, nonce = b"\x01" + key_id(ONE), b"n" * 12
    first = named + nonce + AESGCM(ONE).encrypt(nonce, b"kept", named + b"p")
    assert Sealer([TWO, ONE]).open(first, "p") == b"kept"
    for changed in (b"\x00" + first[1:], b"\x02" + first[1:], b"\x01" + Sealer([ONE]).seal(b"x", "p")[1:]):
        with pytest.raises(WrongStoreKey):
            Sealer([ONE]).open(changed, "p")


def test_another_place_is_refused() -> None:
    """A sealed value belongs to its row."""
    with pytest.raises(WrongStoreKey, match="changed or moved"):
        Sealer([ONE]).open(Sealer([ONE]).seal(b"x", "credentials/sealed/1"), "credentials/sealed/2")


def test_first_key_seals_and_all_open() -> None:
    """Rotation: the new key in front, the old one still opens; without it, it does not."""
    old = Sealer([ONE]).seal(b"x", "p")
    both = Sealer([TWO, ONE])
    assert both.open(old, "p") == b"x"
    assert (both.is_current(old), both.is_current(both.seal(b"x", "p"))) == (False, True)
    with pytest.raises(WrongStoreKey, match="another key"):
        Sealer([TWO]).open(old, "p")


@pytest.mark.parametrize("keys", [[], [b""], [b"1" * 31], [ONE, b"2" * 33]])
def test_only_keys_of_32_bytes(keys: list[bytes]) -> None:
    """AES-256 and nothing shorter."""
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(keys)


def test_representation_shows_no_key() -> None:
    """A log line with a sealer in it gives nothing away."""
    assert repr(Sealer([ONE, TWO])) == "Sealer(2 keys)"
    assert key_id(ONE) not in ONE
