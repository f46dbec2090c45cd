"""Documents and the generation, on every database."""

from datetime import datetime

import pytest

from wardgate.audit import Event
from wardgate.stores import AlreadyExists, Stores, Superseded
from wardgate.stores.ports import Credential, StoredDocument

API = StoredDocument("apis", "hello", {"base_path": "/hello", "numbers": [1, 2.5, None], "text": "é\u0000€"})
APP = StoredDocument("applications", "demo", {"name": "demo"})


def test_empty_store_has_generation_zero(stores: Stores) -> None:
    """Nothing was ever changed: generation 0, no documents, no credentials."""
    assert stores.generation.current() == 0
    assert stores.documents.load() == (0, [])
    assert stores.documents.changed_since(0) == (0, [], [])
    assert stores.credentials.all() == []


def test_write_then_load(stores: Stores, again: Stores, event: Event) -> None:
    """What was written is read by another process, as it was, with the generation of the write."""
    assert stores.documents.write([APP, API], [], event) == 1
    assert again.documents.load() == (1, [API, APP])
    assert again.generation.current() == 1
    assert [record.seq for record in again.audit.last(10)] == [1]


def test_changed_since_names_only_what_changed(stores: Stores, event: Event) -> None:
    """A later write is seen alone, a removal as a tombstone, and a put after it as a put."""
    stores.documents.write([APP, API], [], event)
    changed = StoredDocument("apis", "hello", {"base_path": "/other"})
    assert stores.documents.write([changed], [("applications", "demo")], event) == 2
    assert stores.documents.changed_since(1) == (2, [changed], [("applications", "demo")])
    assert stores.documents.load() == (2, [changed])
    assert stores.documents.write([APP], [], event) == 3
    assert stores.documents.changed_since(2) == (3, [APP], [])
    assert stores.documents.changed_since(3) == (3, [], [])


def test_a_step_from_what_is_no_longer_stored_is_refused_whole(stores: Stores, again: Stores, event: Event) -> None:
    """Two people look at generation 1; the second to write is told, a removal counts, and other changes do not."""
    stores.documents.write([APP, API], [], event, seen=0)
    again.credentials.add(Credential("c1", "demo", "a-key-of-the-demo", "approved", event.at), event)
    assert stores.documents.write([API], [("applications", "demo")], event, seen=1) == 3
    with pytest.raises(Superseded):
        again.documents.write([APP], [], event, seen=1)
    assert (again.documents.load(), again.generation.current()) == ((3, [API]), 3)
    assert again.documents.write([APP], [], event, seen=3) == 4


def test_removing_what_is_not_there_leaves_no_tombstone(stores: Stores, event: Event) -> None:
    """An unknown name is nobody's news; the write itself is still recorded."""
    assert stores.documents.write([], [("apis", "nothing")], event) == 1
    assert stores.documents.changed_since(0) == (1, [], [])


@pytest.mark.parametrize("remove", [[("apis", "hello")], []], ids=["put and removed", "put twice"])
def test_a_contradictory_write_is_refused_whole(stores: Stores, event: Event, remove: list[tuple[str, str]]) -> None:
    """One step says one thing about a document; nothing of the step is kept."""
    with pytest.raises(ValueError, match="once in one step"):
        stores.documents.write([API] if remove else [API, API], remove, event)
    assert stores.documents.load() == (0, [])
    assert stores.audit.head() is None


def test_a_write_that_fails_leaves_nothing(stores: Stores, now: datetime) -> None:
    """An event that cannot be recorded takes the documents and the generation with it."""
    bad = Event("no type", now.replace(tzinfo=None))  # type: ignore[arg-type]
    with pytest.raises((ValueError, AttributeError)):
        stores.documents.write([API], [], bad)
    assert stores.documents.load() == (0, [])
    assert stores.generation.current() == 0


def test_twenty_thousand_documents(stores: Stores, event: Event) -> None:
    """The size of a national directory goes in and comes out in one step each."""
    many = [StoredDocument("systems", f"{number:012}", {"asid": f"{number:012}"}) for number in range(20_000)]
    assert stores.documents.write(many, [], event) == 1
    generation, found = stores.documents.load()
    assert (generation, len(found), found[0], found[-1]) == (1, 20_000, many[0], many[-1])


def test_already_exists_is_a_store_error_of_its_own() -> None:
    """Callers tell a taken name from a store that is down."""
    assert AlreadyExists.__mro__[1].__name__ == "StoreError"


def test_one_document_is_found_by_its_name(stores: Stores, event: Event) -> None:
    """As it was written last, and not after it was removed."""
    assert stores.documents.get("apis", "hello-world") is None
    stores.documents.write([API, APP], [], event)
    assert stores.documents.get(API.kind, API.name) == API
    assert stores.documents.get(API.kind, APP.name) is None
    stores.documents.write([], [(API.kind, API.name)], event)
    assert stores.documents.get(API.kind, API.name) is None
