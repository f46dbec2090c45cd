"""Single use on every database: the first caller only, however many ask at once."""

import threading
from datetime import datetime, timedelta

from wardgate.stores import Stores
from wardgate.stores.ports import SingleUse


def test_first_claim_wins(stores: Stores, again: Stores, now: datetime) -> None:
    """The second claim is refused, also by another process; another namespace is another id."""
    use = SingleUse("assertion:app", "jti-1", now)
    assert list(stores.single_uses.claim([use])) == [True]
    assert list(again.single_uses.claim([use])) == [False]
    assert list(again.single_uses.claim([SingleUse("assertion:other", "jti-1", now)])) == [True]


def test_first_of_a_batch_wins(stores: Stores, now: datetime) -> None:
    """Within one batch the first of equal ids is the one; the others of the batch are not harmed."""
    uses = [SingleUse("n", name, now) for name in ("a", "b", "a", "c", "b", "a")]
    assert list(stores.single_uses.claim(uses)) == [True, True, False, True, False, False]
    assert list(stores.single_uses.claim([*uses[:2], SingleUse("n", "d", now)])) == [False, False, True]
    assert list(stores.single_uses.claim([])) == []


def test_large_batches_keep_their_order(stores: Stores, now: datetime) -> None:
    """A batch larger than one statement answers in order."""
    uses = [SingleUse("n", str(number), now) for number in range(300)]
    assert list(stores.single_uses.claim(uses[::3])) == [True] * 100
    assert list(stores.single_uses.claim(uses)) == [number % 3 != 0 for number in range(300)]


def test_names_cannot_be_shifted_between_namespace_and_id(stores: Stores, now: datetime) -> None:
    """(ab, c) and (a, bc) are different uses, as are ids with any character, of any length."""
    pairs = [("ab", "c"), ("a", "bc"), ("a:", "bc"), ("a", ":bc"), ("n", "\u0000"), ("n", "é€😀"), ("n", "x" * 70_000), ("n", "\ud800")]
    assert list(stores.single_uses.claim([SingleUse(*pair, now) for pair in pairs])) == [True] * len(pairs)
    assert all(stores.single_uses.seen(*pair) for pair in pairs)


def test_seen_is_a_look(stores: Stores, now: datetime) -> None:
    """A look says what was claimed and claims nothing."""
    assert stores.single_uses.seen("n", "a") is False
    assert list(stores.single_uses.claim([SingleUse("n", "a", now)])) == [True]
    assert stores.single_uses.seen("n", "a") is True


def test_purge_forgets_what_is_over_and_nothing_else(stores: Stores, now: datetime) -> None:
    """A use is kept at the very moment it ends, and forgotten after it."""
    ends = [now - timedelta(seconds=1), now, now + timedelta(seconds=1)]
    stores.single_uses.claim([SingleUse("n", str(end), end) for end in ends])
    assert stores.single_uses.purge(now) == 1
    assert [stores.single_uses.seen("n", str(end)) for end in ends] == [False, True, True]


def test_of_many_threads_one_wins_each_id(stores: Stores, again: Stores, now: datetime) -> None:
    """Eight threads on two openings of the store claim the same ids in different orders: each id is won once."""
    names = [str(number) for number in range(40)]
    won: list[str] = []
    faults: list[BaseException] = []

    def claim(which: int) -> None:
        store = (stores, again)[which % 2].single_uses
        order = names if which % 3 else names[::-1]
        try:
            for start in range(0, 40, 8):
                batch = order[start : start + 8]
                first = store.claim([SingleUse("race", name, now) for name in batch])
                won.extend(name for name, is_first in zip(batch, first, strict=True) if is_first)
        except Exception as fault:  # noqa: BLE001 - shown by the assertion below
            faults.append(fault)

    threads = [threading.Thread(target=claim, args=(which,)) for which in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(won) == sorted(names)
