"""`wardgate provider`: what is shown, what is set, and that no secret comes out."""

from pathlib import Path
from typing import Any

import pytest

from wardgate.jose import KeyRules, parse_jwk_set
from wardgate.keystores import load_store_keys
from wardgate.stores import open_stores

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}]
identity_providers:
  - {name: cis2, kind: nhs-cis2, base_path: /oauth2, issuer: "https://cis2.example.nhs.uk:443/oidc", client_id: wardgate.apps}
  - {name: login, kind: nhs-login, base_path: /oauth2, issuer: "https://login.example.nhs.uk", authentication: private_key_jwt}
  - {name: mock, kind: nhs-cis2, base_path: /oauth2-mock, stand_in: true, realm: ref, client_secret: mock-secret-of-the-file}
"""


@pytest.fixture
def applied(wardgate: Any, tmp_path: Path) -> Any:
    """A Wardgate with three providers."""
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST)
    assert wardgate("manifest", "apply", path, "--yes").code == 0
    return wardgate


def _secret(tmp_path: Path, name: str) -> str | None:
    data = tmp_path / "data"
    stores = open_stores(f"sqlite:///{data / 'wardgate.db'}", load_store_keys({}, data))
    try:
        return stores.values.get(f"client-secret/identity_providers/{name}")
    finally:
        stores.close()


def test_providers_are_listed_and_shown(applied: Any) -> None:
    """Without their secrets."""
    assert [one["name"] for one in applied("provider", "list", "-o", "json").data] == ["cis2", "login", "mock"]
    assert "stand-in (ref)" in applied("provider", "list").out
    assert applied("provider", "show", "cis2", "-o", "json").data["client_secret_set"] is False
    shown = applied("provider", "show", "mock")
    assert "The client secret is set" in shown.out
    assert "mock-secret" not in shown.out


def test_the_key_to_register_is_made_once_and_is_public(applied: Any) -> None:
    """The same each time; a key set that can be used."""
    first, second = (applied("provider", "show", "login", "-o", "json").data["jwks"] for _ in range(2))
    assert first == second
    (key,) = parse_jwk_set(first, KeyRules()).keys.values()
    assert key.alg == "RS512"


def test_a_secret_is_set_and_raises_the_generation(applied: Any, tmp_path: Path) -> None:
    """From standard input or a file; a running server learns of it by the generation."""
    before = applied("manifest", "diff", tmp_path / "manifest.yaml", "-o", "json")
    answer = applied("provider", "set-secret", "cis2", stdin="secret-of-the-operator\n")
    assert answer.code == 0, answer.err
    assert "secret-of" not in answer.out + answer.err
    assert _secret(tmp_path, "cis2") == "secret-of-the-operator"
    path = tmp_path / "secret"
    path.write_text("another-secret-of-the-operator")
    assert applied("provider", "set-secret", "cis2", path).code == 0
    assert _secret(tmp_path, "cis2") == "another-secret-of-the-operator"
    assert applied("manifest", "diff", tmp_path / "manifest.yaml", "-o", "json").data == before.data
    assert "secret-of" not in applied("manifest", "export").out
    events = applied("audit", "tail", "-o", "json").out
    assert "ProviderSecretSet" in events
    assert "secret-of" not in events


@pytest.mark.parametrize(("name", "secret", "text"), [
    ("login", "secret-of-the-operator", "by a key, not by a secret"), ("nobody", "secret-of-the-operator", "there is no sign-in provider nobody"),
    ("cis2", "short", "12 to 200 printable characters"), ("cis2", "with a space in it", "12 to 200 printable characters")])
def test_a_secret_that_is_refused(applied: Any, name: str, secret: str, text: str) -> None:
    """In one line, without the secret."""
    answer = applied("provider", "set-secret", name, stdin=secret)
    assert answer.code == 1
    assert text in answer.err
    assert secret not in answer.err


def test_a_changed_secret_of_the_manifest_is_applied(applied: Any, tmp_path: Path) -> None:
    """Shown as changed without its value, stored, and forgotten with its provider."""
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST.replace("mock-secret-of-the-file", "new-mock-secret-of-the-file"))
    answer = applied("manifest", "apply", path, "--yes")
    assert "~ client secret of mock in identity_providers" in answer.out
    assert "mock-secret" not in answer.out
    assert _secret(tmp_path, "mock") == "new-mock-secret-of-the-file"
    assert "holds this manifest already" in applied("manifest", "apply", path, "--yes").out
    path.write_text("\n".join(line for line in MANIFEST.split("\n") if "name: mock" not in line))
    assert applied("manifest", "apply", path, "--yes").code == 0
    assert _secret(tmp_path, "mock") is None
