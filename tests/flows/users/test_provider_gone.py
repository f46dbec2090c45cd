"""A sign-in provider that the manifest no longer names: what it said counts no more, and counts again when it is back."""

from typing import Any


def test_sign_ins_of_a_provider_that_is_gone_are_worth_nothing(world: Any) -> None:
    """Neither a code nor a refresh token gives another token; a stand-in's people cannot stay in an environment that becomes live."""
    code, tokens, exchanged = world.sign_in(), world.tokens(), world.exchange(subject_token=world.cis2.id_token()).json
    trusted = world.trusted
    world.forget_provider()
    for refused, said in ((world.redeem(code), "authorization_code is invalid"), (world.refresh(tokens["refresh_token"]), "refresh_token is invalid"),
                          (world.refresh(exchanged["refresh_token"]), "refresh_token is invalid")):
        assert (refused.status, refused.json["error_description"]) == (401 if "refresh" in said else 400, said)
        event = world.events_of(refused)[-1]
        assert event["details"]["received"] == "one that is not trusted any more"
        assert event["details"]["sign_in"]
    world.trusted = trusted
    assert world.redeem(code).status == 200
    assert world.refresh(tokens["refresh_token"]).status == 200
    assert world.refresh(exchanged["refresh_token"]).status == 200


def test_sign_ins_of_the_other_providers_go_on(world: Any) -> None:
    """Each is trusted by itself, under its issuer."""
    tokens = world.tokens(scope="nhs-login")
    world.forget_provider()
    assert world.refresh(tokens["refresh_token"]).status == 200


def test_another_issuer_of_the_same_name_is_another_provider(world: Any) -> None:
    """As when a stand-in makes room for the real one."""
    tokens = world.tokens()
    world.provider("nhs-cis2", issuer="https://another.example.org/")
    assert world.refresh(tokens["refresh_token"]).status == 401
