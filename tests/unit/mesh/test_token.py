"""Tokens: published and computed vectors, and every check in its order (itk3-messaging 5.1)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.mesh import token
from wardgate.mesh.errors import MeshRefused

AT = datetime(2022, 10, 24, 11, 55, tzinfo=UTC)
NONCE = "97bf007e-3027-4127-ac9d-f9a25de4de68"
PUBLISHED = f"NHSMESH X26:{NONCE}:1:202210241155:b1a882d3615305602f10b8f9a0453865284ce3e4b9e88e7899fb8bb5339da179"
"""NHSDigital/mesh_validate_auth_header, test/widget_test.dart (MIT)."""
COMPUTED = "NHSMESH ALICE:00000000-0000-4000-8000-000000000001:0:202601011200:8c2a0ad095b3b5f7224b16c29664c687995d855d2b7bcf1d60b6f53e28b9c62d"


def test_the_published_vector() -> None:
    """It is made, and it is right."""
    made = token.make(mailbox="X26", password="testing", shared_key=b"SharedKey", nonce=NONCE, nonce_count=1, now=AT)
    assert made == PUBLISHED
    verified = token.verify(token.read(made, "X26"), password="testing", shared_key=b"SharedKey", now=AT)
    assert (verified.mailbox, verified.remember_until) == ("X26", AT + timedelta(hours=2, minutes=5))


def test_the_computed_vector() -> None:
    """By the same formula."""
    made = token.make(
        mailbox="ALICE", password="password", shared_key=b"TestKey", nonce="00000000-0000-4000-8000-000000000001", nonce_count=0,
        now=datetime(2026, 1, 1, 12, tzinfo=UTC),
    )
    assert made == COMPUTED


def test_hex_in_capitals() -> None:
    """It is the same number, and the same token: it is used up with it."""
    head, _, made = PUBLISHED.rpartition(":")
    for written in (made.upper(), made.swapcase(), made[:32].upper() + made[32:]):
        same = token.verify(token.read(f"{head}:{written}", "X26"), password="testing", shared_key=b"SharedKey", now=AT)
        assert same.use_id == token.read(PUBLISHED, "X26").use_id


@pytest.mark.parametrize(("header", "mailbox", "code"), [
    (None, "X26", "unreadable"), ("", "X26", "unreadable"), ("Bearer abc", "X26", "unreadable"), (PUBLISHED.removeprefix("NHSMESH "), "X26", "unreadable"),
    (PUBLISHED.replace("NHSMESH ", "NHSMESH"), "X26", "unreadable"), (PUBLISHED.lower(), "X26", "unreadable"), (PUBLISHED, "X27", "of-another-mailbox"),
    (PUBLISHED.replace("X26", "x26"), "X26", "of-another-mailbox"), ("NHSMESH X26:a:1:2", "X26", "unreadable"), ("NHSMESH X26:a:1:2:3:4", "X26", "unreadable"),
    ("NHSMESH X26", "X26", "unreadable"), ("NHSMESH X2 6:a:1:2:3", "X2 6", "unreadable"), ("NHSMESH X26:a:one:2:3", "X26", "unreadable"),
    ("NHSMESH X26:a:-1:2:3", "X26", "unreadable"), ("NHSMESH  X26:a:1:2:3", "X26", "of-another-mailbox"), ("NHSMESH :a:1:2:3", None, "unreadable"),
    (f"NHSMESH X26:{'a' * 1_000}:1:2:3", "X26", "unreadable"), ("NHSMESH X26:\u00e9:1:2:3", "X26", "unreadable"),
])
def test_what_cannot_be_read(header: str | None, mailbox: str | None, code: str) -> None:
    """In this order: scheme, mailbox, parts."""
    with pytest.raises(MeshRefused) as caught:
        token.read(header, mailbox)
    assert caught.value.code == f"mesh-token-{code}"


@pytest.mark.parametrize("change", ["mailbox", "nonce", "nonce_count", "timestamp", "password", "shared_key", "hash"])
def test_everything_is_under_the_hash(change: str) -> None:
    """A change of any part makes another hash."""
    read = token.read(PUBLISHED, "X26")
    parts = {"mailbox": "X26", "nonce": read.nonce, "nonce_count": "1", "timestamp": read.timestamp, "hash": read.hash}
    if change in parts:
        parts[change] = {"timestamp": "202210241156", "nonce_count": "2"}.get(change, f"{parts[change]}0")
    other = token.Token(**parts)
    with pytest.raises(MeshRefused) as caught:
        token.verify(other, password="other" if change == "password" else "testing", shared_key=b"Other" if change == "shared_key" else b"SharedKey", now=AT)
    assert caught.value.code == "mesh-token-invalid"


def test_without_a_password_nothing_is_valid() -> None:
    """Not even a token that was made with an empty one."""
    made = token.make(mailbox="X26", password="", shared_key=b"SharedKey", nonce=NONCE, nonce_count=1, now=AT)
    with pytest.raises(MeshRefused, match="mesh-token-invalid"):
        token.verify(token.read(made, "X26"), password=None, shared_key=b"SharedKey", now=AT)


@pytest.mark.parametrize("timestamp", ["202213241155", "2022102411", "20221024115500", "202210241199", "000000000000", "now"])
def test_no_time(timestamp: str) -> None:
    """A hash over what is no time proves nothing."""
    made = token._hash(b"SharedKey", "X26", NONCE, "1", "testing", timestamp)
    with pytest.raises(MeshRefused, match="mesh-token-stale"):
        token.verify(token.read(f"NHSMESH X26:{NONCE}:1:{timestamp}:{made}", "X26"), password="testing", shared_key=b"SharedKey", now=AT)


@given(st.integers(-10_000, 10_000))
def test_the_window(seconds: int) -> None:
    """Two hours either way, the edges included; and it is remembered for longer than it counts."""
    read, now = token.read(PUBLISHED, "X26"), AT + timedelta(seconds=seconds)
    if abs(seconds) <= 7_200:
        assert token.verify(read, password="testing", shared_key=b"SharedKey", now=now).remember_until > now
    else:
        with pytest.raises(MeshRefused, match="mesh-token-stale"):
            token.verify(read, password="testing", shared_key=b"SharedKey", now=now)


def test_each_token_is_a_use_of_its_own() -> None:
    """Two tokens have two ids, and no id tells the token."""
    first, second = token.read(PUBLISHED, "X26"), token.read(PUBLISHED.replace(":1:", ":2:"), "X26")
    assert first.use_id != second.use_id
    assert len(first.use_id) == 64
    assert first.hash not in repr(first)
