"""The demo's keys and what refuses them."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wardgate.applications import FixedKey
from wardgate.demo import DEFAULT_BACKEND, manifest
from wardgate.demo.keys import KEYS, key_set, private_pem, public_jwk, write_keys
from wardgate.demo.refuse_live import DemoRefused, is_demo_public_key, refuse_demo_when_live
from wardgate.jose import KeyRules, parse_jwk_set
from wardgate.manifest import ManifestInvalid


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.kid)
def test_each_key_is_marked_and_loads(key: object) -> None:
    """Every PEM says that it is public, and its public half is a usable JWK."""
    kid = key.kid  # type: ignore[attr-defined]
    pem = private_pem(kid)
    assert pem.startswith("PUBLIC DEMO KEY")
    load_pem_private_key(pem.encode(), None)
    assert parse_jwk_set({"keys": [public_jwk(kid)]}, KeyRules()).get(kid) is not None


def test_no_other_names() -> None:
    """A name that is not a demo key's, such as a path, is no file."""
    with pytest.raises(KeyError):
        private_pem("../manifest")


def test_key_sets_hold_no_private_part() -> None:
    """What is published is public."""
    assert [key["kid"] for key in key_set()["keys"]] == ["demo-1", "demo-2"]
    assert all(not {"d", "p", "q"} & key.keys() for key in key_set([key.kid for key in KEYS])["keys"])


def test_inline_key_sets_of_the_manifest_are_the_published_halves() -> None:
    """strict-app and bound-app can use the shipped private keys."""
    inline = {app.name: app.jwks for app in manifest().applications if app.jwks is not None}
    assert inline == {
        "strict-app": key_set(["strict-ps256", "strict-es256", "strict-eddsa"]), "bound-app": key_set(["bound-es256"])}


def test_keys_are_written_for_their_owner_only(tmp_path: Path) -> None:
    """Files are made once and can be written again."""
    for _ in range(2):
        written = write_keys(tmp_path / "demo")
        assert [path.name for path in written] == [key.file_name for key in KEYS]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written)
    assert written[0].read_text() == private_pem("demo-1")


def test_the_demo_is_not_live() -> None:
    """The bundled manifest is taken as it is."""
    assert DEFAULT_BACKEND == "http://127.0.0.1:9001"
    demo = manifest("http://127.0.0.1:9999")
    assert demo.apis[0].backend == "http://127.0.0.1:9999"
    refuse_demo_when_live(demo, demo_asked_for=True)
    with pytest.raises(ManifestInvalid):
        manifest("nonsense")


def test_a_live_environment_refuses_every_part_of_the_demo() -> None:
    """Keys, key sets, the monitoring key and the option itself are refused, each by name and without being repeated."""
    demo = manifest()
    live = demo.model_copy(update={"environment": demo.environment.model_copy(update={"live": True})})
    with pytest.raises(DemoRefused) as refused:
        refuse_demo_when_live(live, demo_asked_for=True)
    keys = [problem.key for problem in refused.value.problems]
    assert keys[:3] == ["environment.live", "environment.status_key", "applications[demo-app].api_keys"]
    assert "applications[strict-app].jwks" in keys
    assert len([key for key in keys if key.endswith(".api_keys")]) == len(demo.applications)
    assert "not-a-secret" not in str(refused.value)


def test_a_live_environment_of_ones_own_is_fine() -> None:
    """Only the demo's own material is refused here."""
    demo = manifest()
    environment = demo.environment.model_copy(update={"live": True, "status_key": None})
    own = demo.applications[0].model_copy(update={"api_keys": (FixedKey(key="a-key-of-ones-own-0123"),)})
    refuse_demo_when_live(demo.model_copy(update={"environment": environment, "applications": (own,)}))
    assert not is_demo_public_key({"kty": "RSA", "n": "AQAB", "e": "AQAB"})
    assert is_demo_public_key(public_jwk("demo-1") | {"kid": "renamed"})
