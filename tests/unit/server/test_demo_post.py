"""Tests of `server.demo_post`: the demo's mailboxes and message keys at the first start, and at later ones."""

from pathlib import Path
from typing import Any

import pytest

from unit.server.conftest import NOW
from wardgate.ca.authority import CertificateAuthority
from wardgate.demo.post import MAILBOX_PASSWORD, SHARED_KEY, mailboxes
from wardgate.manifest import Manifest
from wardgate.manifest.documents import from_documents
from wardgate.sealing.keys import State
from wardgate.server.applying import apply, documents_to_change, key_work
from wardgate.server.demo_post import prepare_post
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.server.preparing import prepare_world
from wardgate.server.settings import Settings
from wardgate.server.wiring import authority_of
from wardgate.stores import Stores
from wardgate.workflows.model import MessageKeys


@pytest.fixture
def authority(tmp_path: Path, stores: Stores) -> CertificateAuthority:
    """The authority of the demo, whose manifest is stored."""
    settings = Settings(data=tmp_path, demo=True)
    (tmp_path / "demo").mkdir()
    made = authority_of(settings, stores)
    made.ensure(prepare_world(settings, stores, []).environment.name, NOW)
    return made


def stored(stores: Stores) -> Manifest:
    """Return the manifest as it stands."""
    return from_documents(stores.documents.load()[1])


def bring(stores: Stores, new_event: Any, *keys: MessageKeys) -> None:
    """Have these message keys stated, and no others."""
    wanted = stored(stores).model_copy(update={"message_keys": keys})
    seen, _, step = documents_to_change(stores, wanted)
    apply(stores, wanted, seen, step, key_work(stores, wanted, step.remove), NOW, new_event)


def test_the_first_start_makes_them_and_later_ones_leave_them(stores: Stores, authority: CertificateAuthority) -> None:
    """Passwords that are published, and keys of each organisation."""
    prepare_post(stores, authority, NOW)
    assert stores.mailboxes.passwords() == dict.fromkeys(mailboxes(), MAILBOX_PASSWORD)
    assert stores.values.get(MESH_SHARED_KEY) == SHARED_KEY
    kids = [key.kid for keys in stored(stores).message_keys for key in keys.keys]
    assert sorted(kids) == sorted(f"demo-{ods.lower()}-{use}" for ods in set(mailboxes().values()) for use in ("sig", "enc"))
    generation = stores.generation.current()
    prepare_post(stores, authority, NOW)
    assert stores.generation.current() == generation


def test_keys_that_were_taken_away_come_back_unless_they_were_revoked(stores: Stores, authority: CertificateAuthority, new_event: Any) -> None:
    """A later start finds an organisation without keys, and publishes those it holds; what was revoked stays so."""
    prepare_post(stores, authority, NOW)
    first, second = stored(stores).message_keys
    revoked = tuple(key.model_copy(update={"state": State.REVOKED, "revoked_at": NOW}) for key in first.keys)
    bring(stores, new_event, first.model_copy(update={"keys": revoked}), second)
    bring(stores, new_event)
    prepare_post(stores, authority, NOW)
    assert [found.organisation for found in stored(stores).message_keys] == [second.organisation]
