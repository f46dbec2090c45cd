"""RSA keys that turn over by the calendar."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wardgate.jose import BadSignature, UnverifiedJWT, sign, verify
from wardgate.keystores import Sealer
from wardgate.keystores.client_secrets import client_key, own_secret
from wardgate.keystores.errors import KeyInvalid
from wardgate.keystores.rsa import CalendarKeys, new_pem, public_key, signing_key
from wardgate.stores import Stores, open_stores

PERIOD, OVERLAP = timedelta(days=30), timedelta(hours=2)
START = datetime.fromtimestamp(700 * PERIOD.total_seconds(), UTC)


@pytest.fixture
def stores(tmp_path: Path, new_database: Callable[[Path], str]) -> Iterator[Stores]:
    """A database of the test's own."""
    found = open_stores(new_database(tmp_path / "x.db"), Sealer([b"k" * 32]), synchronous="normal")
    yield found
    found.close()


def test_keys_turn_over_and_overlap(stores: Stores) -> None:
    """The next key is known a whole period ahead; the last stays for its overlap; two nodes agree."""
    keys = CalendarKeys(stores.values, "test", "RS256", PERIOD, OVERLAP)
    other = CalendarKeys(stores.values, "test", "RS256", PERIOD, OVERLAP)
    middle = START + PERIOD / 2
    first, second = (key.kid for key in keys.published(middle))
    assert [key.kid for key in other.published(middle)] == [first, second]
    assert keys.signer(middle).kid == first
    turned = START + PERIOD
    assert [key.kid for key in keys.published(turned)][::2] == [second, first]
    assert keys.signer(turned).kid == second
    assert first not in [key.kid for key in keys.published(turned + OVERLAP)]


def test_a_token_is_verified_by_the_published_half(stores: Stores) -> None:
    """And by no other key."""
    keys = CalendarKeys(stores.values, "test", "RS512", PERIOD, OVERLAP)
    current, following = keys.published(START + OVERLAP)
    token = UnverifiedJWT.parse(sign({"a": 1}, current))
    assert verify(token, public_key(current)).kid == current.kid
    with pytest.raises(BadSignature):
        verify(token, public_key(following))


def test_what_is_made_on_first_use_stays(stores: Stores) -> None:
    """A client's key and secret: the same ever after, others for other clients."""
    assert client_key(stores.values, "a").kid == client_key(stores.values, "a").kid != client_key(stores.values, "b").kid
    assert own_secret(stores.values, "relying_parties", "a") == own_secret(stores.values, "relying_parties", "a")
    assert own_secret(stores.values, "relying_parties", "a") != own_secret(stores.values, "identity_providers", "a")


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key(pem: str) -> None:
    """Refused without a word of it."""
    with pytest.raises(KeyInvalid):
        signing_key(pem, "RS256")
    assert "PRIVATE KEY" in new_pem()
