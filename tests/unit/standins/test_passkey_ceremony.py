"""The ceremonies of WebAuthn, as pure functions: what they ask for, and that an answer holds whole or not at all."""

from dataclasses import replace
from typing import Any

import pytest
from fido2 import cbor
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.authenticator import VERIFIED, Authenticator, Credential, es256
from wardgate.jose import base64url
from wardgate.standins.methods import passkey_ceremony as ceremony
from wardgate.standins.methods.passkey_ceremony import CHECKS, KEYS, MAX_BYTES, CeremonyFailed, Place

ORIGIN = "https://gateway.example.nhs.uk:8443"
PLACE = Place(ORIGIN, "gateway.example.nhs.uk")
CHALLENGE = b"c" * 43
PERSON = (b"h" * 32, "656005750105", "Bryn Probert")


def registered() -> tuple[Authenticator, Credential, bytes]:
    """An authenticator with a passkey, and the public key that was kept."""
    authenticator = Authenticator(ORIGIN)
    answer = authenticator.register(ceremony.registration_options(PLACE, PERSON, CHALLENGE, []))
    return authenticator, authenticator.credentials[0], ceremony.check_registration(PLACE, CHALLENGE, answer).public_key


AUTHENTICATOR, CREDENTIAL, PUBLIC_KEY = registered()


def signed(**how: Any) -> dict[str, str]:
    """An answer to a sign-in."""
    return AUTHENTICATOR.sign_in(ceremony.sign_in_options(PLACE, CHALLENGE, [CREDENTIAL.id]), **how)


def judged(answer: dict[str, str], place: Place = PLACE, challenge: bytes = CHALLENGE) -> int:
    """What is made of it."""
    return ceremony.check_sign_in(place, challenge, answer, CREDENTIAL.id, PUBLIC_KEY)


def test_what_is_asked_for() -> None:
    """User verification in both, no attestation, our algorithms in order, and the person without anything of them in the handle."""
    options = ceremony.registration_options(PLACE, PERSON, CHALLENGE, [b"known"])
    assert options["rp"]["id"] == "gateway.example.nhs.uk"
    assert [one["alg"] for one in options["pubKeyCredParams"]] == list(KEYS) == [-7, -8, -257]
    assert options["authenticatorSelection"] == {"residentKey": "preferred", "userVerification": "required", "requireResidentKey": False}
    assert "attestation" not in options
    assert options["user"] == {"id": base64url.encode(b"h" * 32), "name": "656005750105", "displayName": "Bryn Probert"}
    assert options["excludeCredentials"] == [{"type": "public-key", "id": base64url.encode(b"known")}]
    asked = ceremony.sign_in_options(PLACE, CHALLENGE, None)
    assert (asked["rpId"], asked["userVerification"], asked["challenge"]) == ("gateway.example.nhs.uk", "required", base64url.encode(CHALLENGE))
    assert "allowCredentials" not in asked


@pytest.mark.parametrize(("origin", "rp_id"), [
    ("https://gateway.example.nhs.uk:8443", "gateway.example.nhs.uk"), ("http://localhost:8080", "localhost"),
    ("https://127.0.0.1:8443", None), ("https://[::1]:8443", None), ("https://", None),
])
def test_where_there_are_passkeys(origin: str, rp_id: str | None) -> None:
    """At host names."""
    place = Place.of(origin)
    assert (place.rp_id if place is not None else None) == rp_id


def test_a_good_answer_tells_the_counter() -> None:
    """Which the store then compares."""
    assert judged(signed(sign_count=7)) == 7


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(["credential_id", "client_data", "authenticator_data", "signature"]), place=st.integers(0, 2000), change=st.integers(1, 255))
def test_any_changed_byte_is_refused(name: str, place: int, change: int) -> None:
    """Of whatever is signed, or names the key."""
    answer = signed()
    body = bytearray(base64url.decode(answer[name].encode()))
    body[place % len(body)] ^= change
    with pytest.raises(CeremonyFailed):
        judged(answer | {name: base64url.encode(bytes(body))})


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(["credential_id", "client_data", "authenticator_data", "signature", "attestation"]), body=st.binary(max_size=300))
def test_any_bytes_are_refused_in_our_words(name: str, body: bytes) -> None:
    """No exception of a library comes out, whatever comes in."""
    registration = Authenticator(ORIGIN).register(ceremony.registration_options(PLACE, PERSON, CHALLENGE, []))
    with pytest.raises(CeremonyFailed):
        judged(signed() | {name: base64url.encode(body)} if name != "attestation" else {})
    if name in registration:
        with pytest.raises(CeremonyFailed):
            ceremony.check_registration(PLACE, CHALLENGE, registration | {name: base64url.encode(body)})


@pytest.mark.parametrize("name", sorted(MAX_BYTES))
def test_the_longest_fields(name: str) -> None:
    """The limit is inclusive, and one byte more is refused; every field of a form fits the limit of its text."""
    longest = base64url.encode(b"x" * MAX_BYTES[name])
    assert ceremony.read({name: longest}, name) == b"x" * MAX_BYTES[name]
    with pytest.raises(CeremonyFailed) as failed:
        ceremony.read({name: base64url.encode(b"x" * (MAX_BYTES[name] + 1))}, name)
    assert failed.value.why == f"field-{name.replace('_', '-')}"
    assert len(longest) <= 4000


@pytest.mark.parametrize(("how", "why"), [
    ({"client": {"type": "webauthn.create"}}, "type"), ({"client": {"challenge": "eA"}}, "challenge"), ({"client": {"origin": "https://evil.example"}}, "origin"),
    ({"client": {"crossOrigin": True}}, "cross-origin"), ({"client": {"crossOrigin": "false"}}, "cross-origin"), ({"rp_id": "evil.example"}, "rp-id"),
    ({"flags": 0x04}, "user-present"), ({"flags": 0x01}, "user-verified"), ({"flags": 0x15}, "backup-flags"),
    ({"credential": replace(CREDENTIAL, sign=es256()[1])}, "signature"), ({"credential": replace(CREDENTIAL, id=b"other")}, "credential"),
])
def test_the_first_check_that_does_not_hold_is_named(how: dict[str, Any], why: str) -> None:
    """In the words of the records."""
    with pytest.raises(CeremonyFailed) as failed:
        judged(signed(**how))
    assert failed.value.why == why


def test_an_answer_for_another_place_or_challenge() -> None:
    """The same answer is none elsewhere."""
    answer = signed()
    for place, challenge in ((Place("https://gateway.example.nhs.uk", PLACE.rp_id), CHALLENGE), (Place(ORIGIN, "example.nhs.uk"), CHALLENGE), (PLACE, b"d" * 43)):
        with pytest.raises(CeremonyFailed):
            judged(answer, place, challenge)


def test_a_client_that_says_a_thing_twice() -> None:
    """JSON with a repeated name means nothing (RFC 8259 section 4)."""
    answer = signed()
    said = base64url.decode(answer["client_data"].encode()).replace(b"{", b'{"origin": "https://evil.example", ', 1)
    with pytest.raises(CeremonyFailed) as failed:
        judged(answer | {"client_data": base64url.encode(said)})
    assert failed.value.why == "client-data"


def test_every_check_is_in_the_table() -> None:
    """Eight of them, each by its own name; the kept key is a COSE map."""
    names = [why for why, _ in CHECKS]
    assert len(set(names)) == len(names) == 8
    assert dict(cbor.decode(PUBLIC_KEY))[3] == -7
    assert VERIFIED == 0x05
