"""An application may state its names at the sign-in providers: then ID tokens of others are refused to it (user-restricted 3.4, hardening)."""

from typing import Any

import pytest

from user_rows.exchange_rows import Exchange


@pytest.mark.parametrize("aud", ["known-there", ["known-there"], ["another", "known-there"]])
def test_an_id_token_for_it_is_taken(world: Any, aud: Any) -> None:
    """As a text, or among several (RFC 7519 section 4.1.3)."""
    answer = Exchange(standing="known there", claims={"aud": aud}).send(world)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("aud", ["wardgate", "known-ther", "known-there ", "KNOWN-THERE", ["another"], [["known-there"]], {"known-there": 1}, 7])
def test_one_for_another_is_refused(world: Any, aud: Any) -> None:
    """To the letter. What was not compared without names is refused with its own words, after the signature."""
    answer = Exchange(standing="known there", claims={"aud": aud}).send(world)
    assert (answer.status, answer.code) == (401, "subject-token-aud")
    assert answer.json == {"error": "invalid_request", "error_description": "Invalid 'aud' claim in subject_token JWT", "message_id": answer.json["message_id"]}
    assert Exchange(claims={"aud": aud}).send(world).status == 200

