"""`wardgate user`: what is shown, what is made, what is ended, and that no secret comes out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wardgate.identities.one_time_code import code_of, key_of, step_at
from wardgate.identities.password import check_password
from wardgate.keystores import load_store_keys
from wardgate.oauth.users import ProviderKind
from wardgate.quotas.failed_tries import TryLimit
from wardgate.standins.methods.failed_tries import person_keys, source_key
from wardgate.stores import Stores, open_stores
from wardgate.stores.ports import Try

HASH = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGF0IGFsbC4uLg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
MANIFEST = f"""
environment: {{name: trial}}
organisations: [{{ods: Z9X01, name: Example Hospital}}]
users:
  - username: "656005750104"
    given_name: Amara
    family_name: Osei
    password: {HASH}
    totp_secret: {SECRET}
    worker: {{authenticators: [TOTP, USERPASS]}}
  - username: "9912003071"
    patient: {{subject: abc}}
"""
LIMIT = TryLimit(free=0, first_wait_seconds=600, lock_after=1, lock_seconds=600)


@pytest.fixture
def applied(wardgate: Any, tmp_path: Path) -> Any:
    """A Wardgate with two people, one of whom has a password and one-time codes."""
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST)
    assert wardgate("manifest", "apply", path, "--yes").code == 0
    return wardgate


@pytest.fixture
def stores(applied: Any, tmp_path: Path) -> Iterator[Stores]:
    """What the server would have open."""
    data = tmp_path / "data"
    opened = open_stores(f"sqlite:///{data / 'wardgate.db'}", load_store_keys({}, data))
    yield opened
    opened.close()


def _fail(stores: Stores, *keys: str) -> None:
    stores.failed_tries.begin([Try(key, LIMIT) for key in keys], datetime.now(UTC))


def test_people_are_listed_and_shown(applied: Any) -> None:
    """With what they can prove, and neither hash nor secret."""
    assert [(one["username"], one["proves_with"]) for one in applied("user", "list", "-o", "json").data] == [
        ("656005750104", ["password", "code"]), ("9912003071", [])]
    listed, shown = applied("user", "list"), applied("user", "show", "656005750104")
    assert "password and code" in listed.out
    assert "can sign in with  TOTP, USERPASS" in shown.out
    assert "failed tries      none" in shown.out
    assert "nothing: one click only" in applied("user", "show", "9912003071").out
    for answer in (listed, shown, applied("user", "show", "656005750104", "-o", "json"), applied("manifest", "export")):
        assert SECRET not in answer.out
    assert HASH not in listed.out + shown.out


def test_a_code_is_the_one_an_app_shows(applied: Any) -> None:
    """Of now, or of the step that began while the command ran."""
    before = step_at(datetime.now(UTC))
    answer = applied("user", "totp", "656005750104", "-o", "json").data
    after = step_at(datetime.now(UTC))
    assert answer["code"] in {code_of(key_of(SECRET), step) for step in (before, after)}
    assert 1 <= answer["seconds_left"] <= 30
    assert applied("user", "totp", "656005750104").out.strip().isdigit()


@pytest.mark.parametrize(("arguments", "text"), [
    (("totp", "9912003071"), "9912003071 has no one-time codes"), (("totp", "nobody"), "there is nobody of the user name nobody"),
    (("show", "nobody"), "there is nobody"), (("unlock", "nobody"), "there is nobody")])
def test_people_who_cannot_be_meant(applied: Any, arguments: tuple[str, ...], text: str) -> None:
    """One line that says so."""
    answer = applied("user", *arguments)
    assert answer.code == 1
    assert text in answer.err


@pytest.mark.parametrize("arguments", [(), ("656005750104", "--source", "192.0.2.1"), ("--source", "not-an-address")])
def test_wrong_use_of_unlock(applied: Any, arguments: tuple[str, ...]) -> None:
    """Either a person or an address."""
    assert applied("user", "unlock", *arguments).code == 2


def test_a_lock_out_is_shown_and_ended(applied: Any, stores: Stores) -> None:
    """Of one person, and not of the other; the record says who did it, and names nobody."""
    keys = person_keys(ProviderKind.CIS2, "656005750104")
    _fail(stores, *keys, *person_keys(ProviderKind.NHS_LOGIN, "9912003071"))
    shown = applied("user", "show", "656005750104", "-o", "json").data
    assert shown["failures"] == {"password": 1, "code": 1}
    assert shown["waits_until"] > datetime.now(UTC).isoformat()
    assert "1 at the password, 1 at the code" in applied("user", "show", "656005750104").out
    assert "may try at once" in applied("user", "unlock", "656005750104").out
    assert list(stores.failed_tries.tallies(keys, datetime.now(UTC))) == [None, None]
    assert [one["waits_until"] is None for one in applied("user", "list", "-o", "json").data] == [True, False]
    assert "had no failed tries" in applied("user", "unlock", "656005750104").out
    event = applied("audit", "tail", "-o", "json").out
    assert event.count("StandInUnlocked") == 2
    assert "656005750104" not in event
    assert '"operator"' in event


def test_the_lock_out_of_an_address_is_ended(applied: Any, stores: Stores) -> None:
    """Of the network that was locked out."""
    _fail(stores, source_key("2001:db8::1"))
    answer = applied("user", "unlock", "--source", "2001:db8::99", "-o", "json").data
    assert answer == {"username": None, "source": "2001:db8::99", "forgotten": True}
    assert list(stores.failed_tries.tallies([source_key("2001:db8::1")], datetime.now(UTC))) == [None]


@pytest.mark.parametrize(("typed", "password"), [
    ("a good password\n", "a good password"), ("a good password\r\n", "a good password"), ("a good password", "a good password"),
    ("  spaces stay  \n", "  spaces stay  "), ("grüße-aus-wien\n", "grüße-aus-wien")])
def test_a_hash_is_made_of_standard_input(wardgate: Any, typed: str, password: str) -> None:
    """The end of the line is not part of it; each hash has its own salt."""
    first, second = (wardgate("user", "hash-password", stdin=typed).out.strip() for _ in range(2))
    assert first != second
    check_password(first, password)


@pytest.mark.parametrize("typed", ["", "\n", "short\n", "x" * 257])
def test_passwords_that_are_refused(wardgate: Any, typed: str) -> None:
    """In one line, without the password."""
    answer = wardgate("user", "hash-password", stdin=typed)
    assert answer.code == 1
    assert "a password has at" in answer.err
    assert not typed.strip() or typed.strip() not in answer.err


def test_an_argument_is_no_password(wardgate: Any) -> None:
    """What is on a command line, others can read."""
    assert wardgate("user", "hash-password", "a good password").code == 2


def test_a_live_environment_gives_no_codes_away(wardgate: Any, tmp_path: Path) -> None:
    """Whoever is asked for."""
    path = tmp_path / "manifest.yaml"
    path.write_text("environment: {name: trial, live: true}\norganisations: [{ods: Z9X01, name: Example Hospital}]\n")
    assert wardgate("manifest", "apply", path, "--yes").code == 0
    answer = wardgate("user", "totp", "656005750104")
    assert answer.code == 1
    assert "a live environment" in answer.err
    assert wardgate("user", "list", "-o", "json").data == []
