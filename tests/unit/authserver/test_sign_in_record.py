"""What the store keeps of a sign-in reads as it was written."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.authserver.sign_in_record import LoginRecord, PushedRecord, SignInRecord, hashed, session_name
from wardgate.oauth.users import ProviderKind, SignedIn

TEXT = st.text(max_size=20)
MAYBE = st.none() | TEXT
WHO = st.builds(
    SignedIn, kind=st.sampled_from(ProviderKind), provider=TEXT, issuer=TEXT, subject=TEXT, user=TEXT, level=MAYBE, identity_assurance=MAYBE,
    acr=MAYBE, amr=st.lists(TEXT, max_size=3).map(tuple), role=MAYBE, session=MAYBE, vot=MAYBE, actor=MAYBE, mock=st.booleans(), patient=MAYBE,
)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)


@given(st.builds(SignInRecord, who=WHO, scopes=TEXTS, auth_grant_type=TEXT, roles=st.none() | TEXTS, provider_token=MAYBE))
def test_a_grant_reads_as_it_was_written(record: SignInRecord) -> None:
    """Printing and reading are inverses, kinds and tuples included."""
    found = SignInRecord.read(record.write())
    assert found == record
    assert type(found.who.kind) is ProviderKind


def test_every_field_of_a_user_is_kept() -> None:
    """A field that is added is written without being listed."""
    record = SignInRecord(SignedIn(ProviderKind.CIS2, "p", "i", "s", "u", "aal3"), (), "token_exchange")
    assert all(f'"{entry.name}"' in record.write() for entry in fields(SignedIn))


@given(st.builds(LoginRecord, **dict.fromkeys([entry.name for entry in fields(LoginRecord)], TEXT)))
def test_a_login_state_reads_as_it_was_written(record: LoginRecord) -> None:
    """The other two bodies as well."""
    assert LoginRecord.read(record.write()) == record
    pushed = PushedRecord(record.application, record.base_path, {record.state: record.issuer})
    assert PushedRecord.read(pushed.write()) == pushed


def test_what_another_wrote_is_an_error() -> None:
    """A damaged store is not guessed at."""
    for body in ("", "{}", "[]", '{"who":{}}'):
        with pytest.raises((ValueError, KeyError, TypeError)):
            SignInRecord.read(body)


def test_scopes_only_shrink() -> None:
    """What the application lost is lost; what it gained was not part of the sign-in."""
    record = SignInRecord(SignedIn(ProviderKind.CIS2, "p", "i", "s", "u", "aal3"), ("a", "b"), "token_exchange")
    assert record.within(("b", "a", "c")) is record
    assert record.within(("b", "c")).scopes == ("b",)
    assert record.within(()).scopes == ()


def test_names_in_the_store_tell_nothing() -> None:
    """Hashes: of secrets, and of a provider's session, whose issuer counts in any case of letters."""
    assert hashed("secret") != "secret"
    assert session_name("https://A.example", "s") == session_name("https://a.example", "s")
    assert session_name("https://a.example", "s") != session_name("https://b.example", "s")
    assert len(session_name("https://a", "\ud800")) == 64
    assert session_name("https://a", "\nb") != session_name("https://a\n", "b")
