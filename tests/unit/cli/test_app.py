"""`wardgate app`."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa


@pytest.fixture(scope="module")
def key_set() -> dict[str, Any]:
    """Return a key set with one RSA key."""
    numbers = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key().public_numbers()
    n = base64.urlsafe_b64encode(numbers.n.to_bytes(256, "big")).rstrip(b"=").decode()
    return {"keys": [{"kty": "RSA", "kid": "test-1", "use": "sig", "alg": "RS512", "n": n, "e": "AQAB"}]}


def test_create_issues_one_key_and_shows_it_once(installed: Any) -> None:
    """The key is 32 letters and digits; afterwards only its end is shown."""
    created = installed("app", "create", "second-app", "--organisation", "Z9X02", "--product", "hello-world", "-o", "json")
    assert created.code == 0
    key = created.data["api_key"]
    assert len(key) == 32
    assert key.isalnum()
    shown = installed("app", "show", "second-app", "-o", "json")
    assert key not in shown.out
    assert [entry["ends_with"] for entry in shown.data["api_keys"]] == [key[-4:]]
    assert shown.data["products"] == [{"product": "hello-world", "status": "approved"}]
    assert "second-app" in installed("app", "list").out


def test_a_key_may_go_to_a_file(installed: Any, tmp_path: Path) -> None:
    """`--key-out` writes a new file that others cannot read, and prints no key."""
    path = tmp_path / "second-app.key"
    answer = installed("app", "create", "second-app", "--organisation", "Z9X02", "--key-out", path)
    key = path.read_text().strip()
    assert len(key) == 32
    assert key not in answer.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = installed("app", "rotate-key", "second-app", "--key-out", path)
    assert again.code == 2
    assert len(installed("app", "show", "second-app", "-o", "json").data["api_keys"]) == 1


@pytest.mark.parametrize(("arguments", "said"), [
    (["second-app", "--organisation", "Z9X99"], "there is no organisation `Z9X99`"),
    (["second-app", "--organisation", "Z9X01", "--product", "helo-world"], "did you mean `hello-world`?"),
    (["second-app", "--organisation", "Z9X01", "--asid", "200000000199"], "there is no system with ASID `200000000199`"),
    (["second-app", "--organisation", "Z9X01", "--asid", "200000000115"], "the certificate name `epr.example.nhs.uk` is already used"),
    (["Second App", "--organisation", "Z9X01"], "name: "),
    (["second-app", "--organisation", "Z9X01", "--jwks-url", "ftp://a/b"], "jwks_url: "),
    (["first-app", "--organisation", "Z9X01"], "there is an application first-app already"),
], ids=["organisation", "product", "system", "certificate name", "name", "URL", "twice"])
def test_an_application_that_breaks_a_rule_is_not_created(installed: Any, arguments: list[str], said: str) -> None:
    """The rules of the manifest hold for applications made here, and nothing is stored."""
    answer = installed("app", "create", *arguments)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err
    assert len(installed("app", "list", "-o", "json").data) == 1


def test_rotation_overlaps_until_the_old_key_is_revoked(installed: Any) -> None:
    """Two keys work side by side; --revoke-old ends that."""
    installed("app", "rotate-key", "first-app")
    assert [key["status"] for key in installed("app", "show", "first-app", "-o", "json").data["api_keys"]] == ["approved"] * 2
    last = installed("app", "rotate-key", "first-app", "--revoke-old", "-o", "json").data
    keys = {key["id"]: key["status"] for key in installed("app", "show", "first-app", "-o", "json").data["api_keys"]}
    assert [entry for entry, status in keys.items() if status == "approved"] == [last["credential"]]
    assert sorted(last["revoked"]) == sorted(entry for entry in keys if entry != last["credential"])


def test_keys_are_revoked_by_id_or_all(installed: Any) -> None:
    """A key that is not there is an error."""
    made = installed("app", "rotate-key", "first-app", "-o", "json").data["credential"]
    assert installed("app", "revoke-key", "first-app", "--id", made, "-o", "json").data["revoked"] == [made]
    assert installed("app", "revoke-key", "first-app", "--id", "0000").code == 1
    assert len(installed("app", "revoke-key", "first-app", "--all", "-o", "json").data["revoked"]) == 2


def test_approval_of_applications_and_products(installed: Any) -> None:
    """Both have a state of their own, and every change is in the record with who made it."""
    installed("app", "create", "second-app", "--organisation", "Z9X02", "--pending")
    assert installed("app", "show", "second-app", "-o", "json").data["status"] == "pending"
    installed("app", "approve", "second-app")
    installed("app", "approve", "second-app", "--product", "hello-world")
    shown = installed("app", "show", "second-app", "-o", "json").data
    assert (shown["status"], shown["products"]) == ("approved", [{"product": "hello-world", "status": "approved"}])
    installed("app", "revoke", "second-app", "--product", "hello-world")
    assert installed("app", "revoke", "second-app", "--product", "another").code == 1
    installed("app", "revoke", "second-app")
    records = [json.loads(line) for line in installed("audit", "tail", "-n", "4", "-o", "json").out.splitlines()]
    assert [(record["type"], record["application"], record["details"]["change"]) for record in records] == [
        ("ApplicationChanged", "second-app", "approved"), ("ApplicationChanged", "second-app", "approved"),
        ("ApplicationChanged", "second-app", "revoked"), ("ApplicationChanged", "second-app", "revoked")]
    assert all(record["details"]["operator"] and record["details"]["by"] == "command line" for record in records)


def test_a_name_that_is_not_there(installed: Any) -> None:
    """Every command says so in one line."""
    for arguments in (["show", "x"], ["approve", "x"], ["revoke", "x"], ["rotate-key", "x"], ["set-jwks", "x", "--remove"]):
        assert installed("app", *arguments).err == "wardgate: there is no application x: wardgate app list\n"


def test_public_keys_are_registered(installed: Any, key_set: dict[str, Any], tmp_path: Path) -> None:
    """Inline, by URL, or taken away; one form replaces the other."""
    answer = installed("app", "set-jwks", "first-app", "--file", "-", stdin=json.dumps(key_set))
    assert answer.code == 0
    assert installed("app", "show", "first-app", "-o", "json").data["jwks"] == key_set
    installed("app", "set-jwks", "first-app", "--url", "https://keys.example/jwks.json")
    shown = installed("app", "show", "first-app", "-o", "json").data
    assert (shown["jwks"], shown["jwks_url"]) == (None, "https://keys.example/jwks.json")
    installed("app", "set-jwks", "first-app", "--remove")
    shown = installed("app", "show", "first-app", "-o", "json").data
    assert (shown["jwks"], shown["jwks_url"]) == (None, None)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AA", "kid": "x"}]}',
                                     '{"keys": [{"kty": "RSA", "kid": "x", "n": "AQAB", "e": "AQAB"}]}'])
def test_unusable_key_sets_are_refused(installed: Any, content: str) -> None:
    """Nothing that could never verify an assertion is registered."""
    answer = installed("app", "set-jwks", "first-app", "--file", "-", stdin=content)
    assert (answer.code, answer.out) == (1, "")


def test_a_published_private_key_is_refused(installed: Any, key_set: dict[str, Any]) -> None:
    """A set with a private member is refused, and the member's value is not repeated."""
    key_set = {"keys": [key_set["keys"][0] | {"d": "c2VjcmV0LXNlY3JldA"}]}
    answer = installed("app", "set-jwks", "first-app", "--file", "-", stdin=json.dumps(key_set))
    assert answer.code == 1
    assert "c2VjcmV0" not in answer.err
