"""The hash chain: any change to any list of records is found."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.audit.chain import GENESIS, START, Link, Tampering, link, numbered, verify


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it might be stored."""

    seq: int
    body: str
    hash: str


def chain(count: int) -> list[Row]:
    """So many true records."""
    bodies = [(number, f'{{"n":{number}}}') for number in range(1, count + 1)]
    return [Row(seq, body, place.hash) for (seq, body), place in zip(bodies, numbered(bodies, START), strict=True)]


def test_first_hash_is_fixed() -> None:
    """A stored log verifies with later versions: these values never change."""
    assert GENESIS == "6de68483a501af055b2c050ce14bc7b5cb05c9f701376143c5bbb1c0f88e518b"
    assert link(GENESIS, 1, "{}") == "86133744128d495594777b8f826ea90c2f45466ac13ae6596a58193fa5132832"


def test_nothing_and_a_part_verify() -> None:
    """An empty log is intact; a part follows from the place before it."""
    assert verify([]).intact
    rows = chain(10)
    verdict = verify(rows[4:], Link(4, rows[3].hash))
    assert (verdict.intact, verdict.checked, verdict.end) == (True, 6, Link(10, rows[9].hash))


@given(count=st.integers(1, 20), data=st.data())
def test_any_single_edit_is_named(count: int, data: st.DataObject) -> None:
    """The number of the edited record, and that it was edited."""
    rows = chain(count)
    place = data.draw(st.integers(0, count - 1))
    changed = data.draw(st.sampled_from([replace(rows[place], body=rows[place].body + " "), replace(rows[place], hash="f" * 64)]))
    rows[place] = changed
    verdict = verify(rows)
    assert (verdict.seq, verdict.kind) == (place + 1, Tampering.EDITED)


@given(count=st.integers(2, 20), data=st.data())
def test_any_removal_but_of_the_tail_is_named(count: int, data: st.DataObject) -> None:
    """The first number that is gone. The tail is the head's matter (`audit.verify`)."""
    first = data.draw(st.integers(0, count - 2))
    last = data.draw(st.integers(first, count - 2))
    rows = chain(count)
    verdict = verify(rows[:first] + rows[last + 1 :])
    assert (verdict.seq, verdict.kind) == (first + 1, Tampering.MISSING)


@given(count=st.integers(2, 20), data=st.data())
def test_any_swap_is_named(count: int, data: st.DataObject) -> None:
    """Two records that changed places, with or without their numbers."""
    one, two = sorted(data.draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True)))
    rows = chain(count)
    rows[one], rows[two] = rows[two], rows[one]
    if data.draw(st.booleans()):
        rows[one], rows[two] = replace(rows[one], seq=one + 1), replace(rows[two], seq=two + 1)
    verdict = verify(rows)
    assert (verdict.seq, verdict.kind) == (one + 1, Tampering.REORDERED)


@given(order=st.permutations(range(8)))
def test_any_other_order_is_found(order: list[int]) -> None:
    """Every order but the true one is refused, at the first record that is out of place."""
    rows = chain(8)
    verdict = verify([replace(rows[true], seq=place + 1) for place, true in enumerate(order)])
    first = next((place for place, true in enumerate(order) if place != true), None)
    assert verdict.seq == (None if first is None else first + 1)


def test_hash_covers_number_body_and_past() -> None:
    """None of the three can be changed alone, and a body cannot swallow part of a number."""
    hashes = {link(GENESIS, 1, "a"), link(GENESIS, 2, "a"), link(GENESIS, 1, "b"), link("0" * 64, 1, "a"), link(GENESIS, 1, "\x00a")}
    assert len(hashes) == 5


@pytest.mark.parametrize("row", [Row(1, "{}", ""), Row(-1, "{}", "x"), Row(2**64, "{}", "a"), Row(1, None, "a")])  # type: ignore[arg-type]
def test_damaged_row_is_a_finding_not_a_crash(row: Row) -> None:
    """Whatever the database holds, the answer is a verdict."""
    assert not verify([row]).intact
    assert not verify([*chain(2), row, Row(4, "{}", "zz")]).intact
