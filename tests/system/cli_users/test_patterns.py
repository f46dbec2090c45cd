"""The four patterns on the command line, against a Wardgate that runs: who gets in, as whom, and what is said otherwise."""

from pathlib import Path
from typing import Any

import pytest

WORKER, PATIENT = "656005750104", "9912003071"
ROLE, OTHER_ROLE = "656014452101", "555254242105"

@pytest.mark.parametrize("oauth_path", ["/oauth2", "/oauth2-mock"])
@pytest.mark.parametrize("app", ["demo-app", "strict-app"])
@pytest.mark.parametrize(("user", "flow", "path", "header", "value"), [
    (WORKER, "code", "/user-demo/echo/worker", "nhsd-identity-uuid", WORKER), (WORKER, "exchange", "/user-demo/echo/worker", "nhsd-identity-uuid", WORKER),
    (PATIENT, "code", "/user-demo/echo/patient", "nhsd-nhslogin-user", f"P9:{PATIENT}"),
    (PATIENT, "exchange", "/user-demo/echo/patient", "nhsd-nhslogin-user", f"P9:{PATIENT}"),
])
def test_a_user_calls_by_each_pattern(run: Any, oauth_path: str, app: str, user: str, flow: str, path: str, header: str, value: str) -> None:
    """CIS2 and NHS login, combined and separate, both base paths, both profiles: the backend learns who it is."""
    answer = run("call", "GET", path, "--app", app, "--user", user, "--flow", flow, "--oauth-path", oauth_path)
    assert (answer["status"], answer["body"]["headers"][header]) == (200, value)


def test_a_role_is_chosen_by_the_call(run: Any) -> None:
    """user-restricted 8: combined tokens are checked against the user's roles, separate ones are taken as they are."""
    asked = ("call", "GET", "/user-demo/echo/role", "--app", "demo-app", "--user", WORKER)
    assert run(*asked, code=1)["refusal"]["reason"] == "role-ambiguous"
    assert run(*asked, "--role", ROLE)["body"]["headers"]["nhsd-session-urid"] == ROLE
    assert run(*asked, "--role", OTHER_ROLE, code=1)["status"] == 401
    separate = run(*asked, "--flow", "exchange", "--role", OTHER_ROLE)
    assert separate["body"]["headers"]["nhsd-session-urid"] == OTHER_ROLE


@pytest.mark.parametrize(("words", "says"), [
    (("--user", "656005750109"), "as strongly as acr_values asks for"), (("--user", "9912003072", "--identity-check", "failed"), "identity check was not passed"),
])
def test_an_error_that_the_user_comes_back_with_is_told(run: Any, words: tuple[str, ...], says: str) -> None:
    """In the server's words, by both commands, with exit code 1."""
    for command in (("token", "get"), ("call", "GET", "/user-demo/echo/worker")):
        answer = run(*command, "--app", "demo-app", *words, code=1)
        assert answer["error"] == "access_denied"
        assert says in answer["error_description"]


def test_a_weaker_sign_in_is_asked_for_by_its_name(run: Any) -> None:
    """`--acr-values` reaches NHS CIS2; the route that wants AAL3 then says what it needs."""
    weak = ("--app", "demo-app", "--user", "656005750109", "--acr-values", "AAL2_OR_AAL3_ANY")
    assert run("call", "GET", "/user-demo/echo/worker", *weak)["status"] == 200
    assert run("call", "GET", "/user-demo/test-auth/nhs-cis2/aal3", *weak, code=1)["refusal"]["reason"] == "scope-insufficient"


@pytest.mark.parametrize(("words", "says"), [
    (("--app", "demo-app", "--user", "nobody"), "nobody of this user name"), (("--app", "demo-app", "--user", "9912003072"), "--identity-check passed|failed"),
    (("--app", "writer-app", "--user", WORKER), "has no client secret"), (("--app", "no-such-app", "--user", WORKER), "there is no application"),
    (("--app", "demo-app", "--user", WORKER, "--redirect-uri", "https://evil.example/"), "redirect_uri is invalid"),
    (("--app", "demo-app", "--user", WORKER, "--flow", "exchange", "--client-id", "no-such-client"), "no client no-such-client of nhs-cis2"),
    (("--app", "demo-app", "--user", WORKER, "--flow", "exchange", "--issuer", "https://127.0.0.1:9", "--client-id", "x", "--provider", "cis2"), "no redirect URI is known"),
    (("--app", "demo-app", "--user", WORKER, "--flow", "exchange", "--issuer", "https://127.0.0.1:9", "--client-id", "x", "--redirect-uri", "http://127.0.0.1:9/"),
     "https://127.0.0.1:9"),
    (("--app", "revoked-app", "--user", WORKER, "--redirect-uri", "http://127.0.0.1:9003/callback"), "has no client secret"),
])
def test_what_cannot_be_done_is_said(own: Any, words: tuple[str, ...], says: str, kept: Any) -> None:
    """In one line, with exit code 1; no traceback, no tokens kept."""
    result = own.cli("token", "get", *words, "--base-url", own.url, "--ca", own.ca)
    assert result.code == 1
    assert says in result.err + result.out
    assert kept() == []


@pytest.mark.parametrize("words", [
    ("token", "get", "--id-token", "-", "--app", "demo-app"), ("token", "get", "--id-token", "-", "--flow", "exchange", "--browser"), ("token", "forget"),
    ("token", "forget", "--all", "--user", "x"), ("call", "GET", "/x", "--role", "1"), ("call", "GET", "/x", "--role", "x", "--user", "y"),
    ("call", "GET", "/x", "--pattern", "user-restricted"), ("call", "GET", "/x", "--pattern", "api-key", "--user", "y", "--app", "demo-app"),
    ("token", "get", "--user", "x", "--flow", "implicit"), ("token", "get", "--user", "x"), ("doctor", "token", "--role", "x", "FILE"),
], ids=" ".join)
def test_wrong_use_is_said(own: Any, words: tuple[str, ...], tmp_path: Path) -> None:
    """With exit code 2."""
    file = tmp_path / "token"
    file.write_text("a.b.c")
    result = own.cli(*(str(file) if word == "FILE" else word for word in words), stdin="a.b.c")
    assert result.code == 2, result.err
    assert "Error:" in result.err


def test_an_id_token_that_one_has_is_exchanged(own: Any, run: Any, tmp_path: Path, id_token: Any) -> None:
    """From a file or standard input; what the server refuses is told."""
    text = id_token()
    assert run("token", "get", "--app", "demo-app", "--flow", "exchange", "--id-token", "-", stdin=text)["refresh_count"] == 0
    file = tmp_path / "id-token"
    file.write_text(text)
    asked = ("call", "GET", "/user-demo/echo/patient", "--app", "demo-app", "--flow", "exchange", "--provider", "nhs-login", "--id-token", file)
    assert run(*asked)["status"] == 200
    file.write_text(text[:-8] + "AAAAAAAA")
    refused = run("token", "get", "--app", "demo-app", "--flow", "exchange", "--id-token", file, code=1)
    assert (refused["error"], refused["error_description"]) == ("public_key error", "JWT signature verification failed")
