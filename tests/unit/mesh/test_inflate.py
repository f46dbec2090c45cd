"""Inflating what is on its way out: any pieces, several members, and limits that hold (itk3-messaging 5.2)."""

import gzip
import time
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.mesh.inflate import FREE_BYTES, MAX_MEMBERS, PIECE_BYTES, NotInflatable, inflate

MIB = 1_048_576


def cut(body: bytes, sizes: list[int]) -> list[bytes]:
    """Return a body in pieces of these sizes, and the rest."""
    ends = [0, *accumulate(sizes), len(body)]
    return [body[start:end] for start, end in pairwise(ends)]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4), st.lists(st.integers(0, 50), max_size=20))
def test_any_members_in_any_pieces(members: list[bytes], sizes: list[int]) -> None:
    """What comes out is what went in."""
    body = b"".join(gzip.compress(member) for member in members)
    assert b"".join(inflate(cut(body, sizes), MIB, 250)) == b"".join(members)


@given(st.binary(min_size=1, max_size=300), st.integers(0, 10_000), st.integers(0, 10_000))
def test_anything_else_is_refused_or_whole(content: bytes, at: int, end: int) -> None:
    """A changed octet, or an end too soon, never gives other content without an error."""
    body = bytearray(gzip.compress(content, mtime=0))
    body[at % len(body)] ^= 1
    try:
        found = b"".join(inflate([bytes(body)], MIB, 250))
    except NotInflatable:
        found = content
    assert found == content
    short = bytes(gzip.compress(content))[: end % len(gzip.compress(content))]
    with pytest.raises(NotInflatable):
        list(inflate([short], MIB, 250))


@pytest.mark.parametrize("members", [1, 40])
def test_the_ratio(members: int) -> None:
    """It counts after the first MiB, over all members; no piece is larger than one."""
    body = gzip.compress(b"\0" * (8 * MIB)) * members
    pieces: list[int] = []
    with pytest.raises(NotInflatable, match="beyond the limits"):
        pieces.extend(map(len, inflate([body], 1_000 * MIB, 100)))
    assert max(pieces) <= PIECE_BYTES
    assert sum(pieces) <= max(FREE_BYTES, 100 * len(body))


def test_the_size() -> None:
    """However well it is packed."""
    body = gzip.compress(bytes(range(256)) * 8_192)
    assert sum(map(len, inflate([body], 2 * MIB, 1_000))) == 2 * MIB
    with pytest.raises(NotInflatable, match="beyond the limits"):
        list(inflate([body], 2 * MIB - 1, 1_000))


def test_nothing_is_no_gzip() -> None:
    """Not even an empty one."""
    with pytest.raises(NotInflatable, match="cut short"):
        list(inflate([], MIB, 250))


def test_so_many_members() -> None:
    """One more is refused, and whatever they are they cost little: what follows a member is not copied again and again."""
    empty = gzip.compress(b"", mtime=0)
    pieces = [empty * 10_000] * (MAX_MEMBERS // 10_000)
    began = time.process_time()
    assert list(inflate(pieces, MIB, 250)) == []
    with pytest.raises(NotInflatable, match="beyond the limits"):
        list(inflate([*pieces, empty], MIB, 250))
    assert time.process_time() - began < 3
