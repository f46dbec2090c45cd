"""Forms: read once, strictly."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.oauth import OAuthRefused, requests
from wardgate.oauth.requests import check_content_type, parse_form

TEXT = st.text(alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=30)


@given(st.dictionaries(TEXT, TEXT, max_size=10))
def test_a_form_says_what_was_encoded(form: dict[str, str]) -> None:
    """Any texts make the round trip; parameters without a value are left out."""
    assert parse_form(urlencode(form).encode()) == {name: value for name, value in form.items() if value}


@given(st.binary(max_size=300))
def test_any_bytes_are_a_form_or_refused(body: bytes) -> None:
    """Nothing but `OAuthRefused` leaves the parser."""
    with suppress(OAuthRefused):
        assert all(parse_form(body).values())


SECRETS = ("password", "code", "client_secret", "refresh_token", "code_verifier", "token", "subject_token", "client_assertion", "id_token_hint", "state", "csrf")


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_remembered(name: str) -> None:
    """What is decoded once and kept are words of the protocol; a password, a code or a token is decoded each time, and forgotten."""
    kept = requests._known_pair.cache_info().currsize
    for spelt in (name, name.replace("o", "%6F"), name.upper()):
        parse_form(f"{spelt}=not-a-real-secret-{name}".encode())
    assert requests._known_pair.cache_info().currsize == kept


def test_words_of_the_protocol_are_decoded_once() -> None:
    """The second request finds them decoded."""
    parse_form(b"grant_type=client_credentials")
    before = requests._known_pair.cache_info().hits
    assert parse_form(b"grant_type=client_credentials") == {"grant_type": "client_credentials"}
    assert requests._known_pair.cache_info().hits == before + 1


@pytest.mark.parametrize(("body", "code"), [
    (b"a=1&a=1", "grant-type-repeated"), (b"a=1&%61=2", "grant-type-repeated"), (b"a&a=1", "grant-type-repeated"),
    (b"a=%", "form-malformed"), (b"a=%1", "form-malformed"), (b"a=%gg", "form-malformed"), (b"a=\xff", "form-malformed"),
    (b"a=%C0%80", "form-malformed"), (b"a=%ED%A0%80", "form-malformed"), (b"a=%00", "form-malformed"),
    (b"&".join(b"p%d=" % n for n in range(33)), "form-too-large"), (b"a=" + b"x" * 65_536, "form-too-large"),
])
def test_bad_forms_are_refused_by_name(body: bytes, code: str) -> None:
    """Repeated under another spelling, escapes that are none, over-long UTF-8, too many, too large."""
    with pytest.raises(OAuthRefused) as caught:
        parse_form(body)
    assert caught.value.code == code


def test_limits_are_inclusive() -> None:
    """Exactly 32 parameters and 64 KiB are accepted."""
    assert len(parse_form(b"&".join(b"p%d=1" % n for n in range(32)))) == 32
    assert len(parse_form(b"a=" + b"x" * 65_534)["a"]) == 65_534


def test_a_repeated_name_is_echoed_harmlessly() -> None:
    """What a caller wrote reaches the answer only as letters, digits, `_` and `-`."""
    with pytest.raises(OAuthRefused) as caught:
        parse_form(b"%3Cscript%3E=1&%3Cscript%3E=2")
    assert caught.value.values == {"parameter": "?script?"}


@pytest.mark.parametrize(("value", "nhs", "strict"), [
    ("application/x-www-form-urlencoded", True, True), ("application/x-www-form-urlencoded; charset=UTF-8", False, True),
    ('application/x-www-form-urlencoded;charset="utf-8"', False, True), ("Application/X-WWW-Form-Urlencoded", False, True),
    ("application/x-www-form-urlencoded; charset=latin1", False, False), ("application/x-www-form-urlencodedx", False, False),
    ("application/json", False, False), ("", False, False), (None, False, False), ("application/x-www-form-urlencoded, text/plain", False, False),
])
def test_content_types(value: str | None, nhs: bool, strict: bool) -> None:
    """Rule 7: the whole header in nhs; parameters of UTF-8 in strict."""
    for parameters_allowed, accepted in ((False, nhs), (True, strict)):
        if accepted:
            check_content_type(value, parameters_allowed=parameters_allowed)
        else:
            with pytest.raises(OAuthRefused):
                check_content_type(value, parameters_allowed=parameters_allowed)
