"""Introspection and revocation of what users' sign-ins gave (RFC 7662, RFC 7009)."""

from typing import Any

import pytest

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _of(world: Any, token: str, path: str, standing: str = "good") -> Any:
    return world.post(path, {"token": token, "client_assertion_type": ASSERTION, "client_assertion": world.assertion(standing=standing)})


def test_a_users_token_is_active_until_the_user_signs_out(world: Any) -> None:
    """As at the gateway: from then on it is as good as none."""
    token = world.tokens()["access_token"]
    found = _of(world, token, "/introspect").json
    assert found == {"active": True, "token_type": "Bearer", **{
        name: value for name, value in world.claims(token).items() if name not in {"cred", "bound"}}}
    assert _of(world, token, "/introspect", "another").json == {"active": False}
    assert world.logout(world.cis2.logout_token()).status == 200
    world.forget_ended()
    assert _of(world, token, "/introspect").json == {"active": False}


def test_a_refresh_token_is_not_told_about(world: Any) -> None:
    """It is for the token endpoint alone (RFC 7662 section 2.2)."""
    assert _of(world, world.tokens()["refresh_token"], "/introspect").json == {"active": False}


@pytest.mark.parametrize("which", ["newest", "used"])
def test_a_refresh_token_is_revoked_with_its_sign_in(world: Any, which: str) -> None:
    """RFC 7009 section 2.1: no further refresh, and its access tokens stop with it."""
    first = world.tokens()
    second = world.refresh(first["refresh_token"]).json
    answer = _of(world, (second if which == "newest" else first)["refresh_token"], "/revoke")
    assert (answer.status, answer.body) == (200, b"")
    event = world.events()[-1]
    assert (event["type"], event["outcome"]) == ("SignInEnded", "allowed")
    assert event["details"]["cause"] == "the application revoked a refresh token"
    assert event["details"]["sign_in"] == world.claims(second["access_token"])["sess"]
    assert world.refresh(second["refresh_token"]).code == "refresh-token-invalid"
    assert world.userinfo(second["access_token"]).code == "access-token-revoked"
    assert _of(world, second["refresh_token"], "/revoke").status == 200


def test_a_refresh_token_of_another_application_is_not_revoked(world: Any) -> None:
    """RFC 7009 section 2.1: the request is refused, and nothing happens."""
    token = world.tokens()["refresh_token"]
    answer = _of(world, token, "/revoke", "another")
    assert (answer.status, answer.code) == (400, "token-of-another-client")
    assert world.refresh(token).status == 200


def test_an_unknown_refresh_token_is_already_revoked(world: Any) -> None:
    """RFC 7009 section 2.2."""
    assert _of(world, "pUDyf17ZD29QjQ7tjaHZnbVItztmM9bI", "/revoke").status == 200


def test_a_store_that_is_away_revokes_nothing_and_says_so(world: Any) -> None:
    """Fails closed: the client must know that the token still counts."""
    token = world.tokens()["refresh_token"]
    world.sign_ins.down.add("end")
    assert _of(world, token, "/revoke").code == "oauth-unexpected"
