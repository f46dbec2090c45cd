"""Tests of `server.published_secrets`: a live environment has no secret of mailboxes that everyone knows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from wardgate.audit.model import Event
from wardgate.demo.post import MAILBOX_PASSWORD, SHARED_KEY
from wardgate.manifest import Manifest
from wardgate.server.errors import StartRefused
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.server.published_secrets import is_published, refuse_published_secrets
from wardgate.stores import Stores

ROOT = Path(__file__).parents[3]
Make = Callable[..., Manifest]


@pytest.fixture
def live(manifest: Make) -> Manifest:
    """A manifest of a live environment."""
    return manifest(environment={"name": "trial", "live": True})


def test_secrets_of_ones_own_are_no_reason(stores: Stores, live: Manifest, event: Event) -> None:
    """Nor are none at all."""
    refuse_published_secrets(stores, live)
    stores.values.put(MESH_SHARED_KEY, "a key of our own")
    stores.mailboxes.set_password("Z9X01OT001", "a password of our own", event)
    refuse_published_secrets(stores, live)


def test_the_demos_shared_key_is_refused(stores: Stores, live: Manifest) -> None:
    """With the command that mends it, and without the key."""
    stores.values.put(MESH_SHARED_KEY, SHARED_KEY)
    with pytest.raises(StartRefused, match="wardgate mesh shared-key set") as refused:
        refuse_published_secrets(stores, live)
    assert SHARED_KEY not in str(refused.value)


def test_the_demos_passwords_are_refused(stores: Stores, live: Manifest, event: Event) -> None:
    """Every mailbox that has it is named, and no other."""
    for mailbox, password in (("Z9X03OT001", MAILBOX_PASSWORD), ("Z9X01OT001", MAILBOX_PASSWORD), ("Z9X02OT001", "a password of our own")):
        stores.mailboxes.set_password(mailbox, password, event)
    with pytest.raises(StartRefused, match="the password of Z9X01OT001, Z9X03OT001 is the demo's") as refused:
        refuse_published_secrets(stores, live)
    assert "wardgate mesh mailbox password Z9X01OT001" in str(refused.value)
    assert MAILBOX_PASSWORD not in str(refused.value)


def test_elsewhere_they_are_as_good_as_others(stores: Stores, manifest: Make, event: Event) -> None:
    """An environment that is not live may be the demo."""
    stores.values.put(MESH_SHARED_KEY, SHARED_KEY)
    stores.mailboxes.set_password("Z9X01OT001", MAILBOX_PASSWORD, event)
    refuse_published_secrets(stores, manifest())


def test_what_is_published_is_what_the_documentation_publishes() -> None:
    """Both secrets stand in the page about the demo; others are not taken for them."""
    page = (ROOT / "docs" / "reference" / "demo.md").read_text(encoding="utf-8")
    for secret in (MAILBOX_PASSWORD, SHARED_KEY):
        assert f"`{secret}`" in page
        assert is_published(secret)
    assert not is_published("a key of our own")
