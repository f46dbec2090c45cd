"""Tests of `server.applying`: documents in one step, keys after them, and what cannot be done is said before anything is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wardgate.audit.model import Event, EventType
from wardgate.manifest import Manifest
from wardgate.server.applying import STATUS_KEY, ApplyRefused, apply, documents_to_change, key_work
from wardgate.stores import Stores
from wardgate.stores.ports import StoredDocument

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
Make = Callable[..., Manifest]
NewEvent = Callable[..., Event]


def application(name: str = "one", *keys: Any) -> dict[str, Any]:
    """Return an application with these fixed keys."""
    return {"name": name, "organisation": "Z9X01", "products": ["hello"], "api_keys": list(keys)}


def bring(stores: Stores, wanted: Manifest, new_event: NewEvent) -> int:
    """Apply a manifest as the command line does."""
    seen, _, step = documents_to_change(stores, wanted)
    return apply(stores, wanted, seen, step, key_work(stores, wanted, step.remove), NOW, new_event)


def held(stores: Stores, name: str = "one") -> list[tuple[str, str]]:
    """Return the keys of an application and their states."""
    return [(found.key, found.status) for found in stores.credentials.of(name)]


def types(stores: Stores) -> list[str]:
    """Return the types of every record."""
    return [record.body.split('"type":"')[1].split('"')[0] for record in stores.audit.read(0, 1000)]


def test_the_first_apply_stores_everything(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """Documents without secrets, keys beside them, and who did it."""
    generation = bring(stores, manifest(environment={"name": "trial", "status_key": "a-status-key-for-a-trial"}), new_event)
    assert generation == stores.generation.current()
    assert held(stores) == [("one-key-for-a-trial", "approved")]
    assert stores.values.get(STATUS_KEY) == "a-status-key-for-a-trial"
    bodies = str([document.body for document in stores.documents.load()[1]])
    assert "one-key-for-a-trial" not in bodies
    assert "a-status-key" not in bodies
    assert types(stores) == ["ManifestApplied", "CredentialIssued"]


def test_the_same_again_is_nothing(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """No document, no key, no event, no new generation."""
    generation = bring(stores, manifest(), new_event)
    _, before, step = documents_to_change(stores, manifest())
    assert before is not None
    assert not step
    assert not key_work(stores, manifest(), step.remove)
    assert bring(stores, manifest(), new_event) == generation
    assert len(types(stores)) == 2


def test_an_interrupted_apply_is_finished_by_the_next(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """The documents are there and the keys are not: the next one adds the keys."""
    wanted = manifest()
    seen, _, step = documents_to_change(stores, wanted)
    nothing = key_work(stores, manifest(applications=[application()]), ())
    apply(stores, wanted, seen, step, nothing, NOW, new_event)
    assert held(stores) == []
    bring(stores, wanted, new_event)
    assert held(stores) == [("one-key-for-a-trial", "approved")]


def test_a_change_that_was_not_shown_is_not_made(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """Somebody else changed the manifest while the difference was looked at."""
    wanted = manifest()
    seen, _, step = documents_to_change(stores, wanted)
    keys = key_work(stores, wanted, step.remove)
    other = StoredDocument("organisations", "Z9X99", {"ods": "Z9X99", "name": "Other Hospital"})
    stores.documents.write([other], [], new_event(EventType.MANIFEST_APPLIED))
    with pytest.raises(ApplyRefused, match="run the command again"):
        apply(stores, wanted, seen, step, keys, NOW, new_event)
    assert stores.documents.load()[1] == [other]


def test_keys_follow_the_manifest(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """A state that is stated is taken; a key that is not mentioned any more stays as it is."""
    bring(stores, manifest(), new_event)
    revoked = manifest(applications=[application("one", {"key": "one-key-for-a-trial", "status": "revoked"}, {"key": "two-key-for-a-trial"})])
    _, _, step = documents_to_change(stores, revoked)
    lines = key_work(stores, revoked, step.remove).lines()
    assert len(lines) == 2
    assert "key-for-a-trial" not in str(lines), "a key was shown"
    bring(stores, revoked, new_event)
    assert sorted(held(stores)) == [("one-key-for-a-trial", "revoked"), ("two-key-for-a-trial", "approved")]
    bring(stores, manifest(applications=[application("one")]), new_event)
    assert sorted(held(stores)) == [("one-key-for-a-trial", "revoked"), ("two-key-for-a-trial", "approved")]


def test_an_application_that_goes_takes_its_keys_along(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """They are revoked, not forgotten: they must not come to somebody else."""
    bring(stores, manifest(), new_event)
    bring(stores, manifest(applications=[]), new_event)
    assert held(stores) == [("one-key-for-a-trial", "revoked")]
    assert types(stores)[-1] == "CredentialRevoked"


def test_a_mailbox_that_goes_takes_its_password_along(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """Stated again it has none, so that nobody who knew it comes in; others keep theirs."""
    both, one = ([{"id": name, "organisation": "Z9X01"} for name in names] for names in (("Z9X01OT001", "Z9X01OT002"), ("Z9X01OT001",)))
    bring(stores, manifest(mailboxes=both), new_event)
    for name in ("Z9X01OT001", "Z9X01OT002"):
        stores.mailboxes.set_password(name, f"secret of {name}", new_event(EventType.MAILBOX_CHANGED))
    _, _, step = documents_to_change(stores, manifest(mailboxes=one))
    lines = key_work(stores, manifest(mailboxes=one), step.remove).lines()
    assert lines == ["  - password of mailbox Z9X01OT002, which goes away: forgotten"]
    bring(stores, manifest(mailboxes=one), new_event)
    assert types(stores)[-1] == "MailboxChanged"
    bring(stores, manifest(mailboxes=both), new_event)
    assert stores.mailboxes.passwords() == {"Z9X01OT001": "secret of Z9X01OT001"}


@pytest.mark.parametrize(("wanted", "said"), [
    ([application("two", {"key": "one-key-for-a-trial"}), application("one")], "belongs to one already"),
    ([application("one", {"key": "one-key-for-a-trial", "expires": "2030-01-01T00:00:00Z"})], "was issued with another expiry"),
])
def test_what_a_key_cannot_become_is_refused(stores: Stores, manifest: Make, new_event: NewEvent, wanted: list[Any], said: str) -> None:
    """Before anything is stored, and without the key."""
    generation = bring(stores, manifest(), new_event)
    with pytest.raises(ApplyRefused, match=said) as refused:
        bring(stores, manifest(applications=wanted), new_event)
    assert "one-key-for-a-trial" not in str(refused.value)
    assert stores.generation.current() == generation


def test_an_expiry_is_compared_as_a_moment(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """Written in another zone it is the same expiry."""
    bring(stores, manifest(applications=[application("one", {"key": "one-key-for-a-trial", "expires": "2030-01-01T00:00:00Z"})]), new_event)
    same = manifest(applications=[application("one", {"key": "one-key-for-a-trial", "expires": "2030-01-01T02:00:00+02:00"})])
    assert not key_work(stores, same, ())
    (found,) = stores.credentials.of("one")
    assert found.expires is not None
    assert found.expires - datetime(2030, 1, 1, tzinfo=UTC) == timedelta(0)


def test_another_monitoring_key_is_refused(stores: Stores, manifest: Make, new_event: NewEvent) -> None:
    """It is made once; a second one is said to be ignored, not taken in silence."""
    bring(stores, manifest(environment={"name": "trial", "status_key": "a-status-key-for-a-trial"}), new_event)
    with pytest.raises(ApplyRefused, match="another monitoring key"):
        bring(stores, manifest(environment={"name": "trial", "status_key": "b-status-key-for-a-trial"}), new_event)
    assert stores.values.get(STATUS_KEY) == "a-status-key-for-a-trial"
