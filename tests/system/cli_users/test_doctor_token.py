"""The doctor on tokens: it says of every token what the gateway and the token endpoint then say."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit import EventType
from wardgate.cli.context import World
from wardgate.jose import UnverifiedJWT, base64url

WORKER, PATIENT = "656005750104", "9912003071"
ROLE = "656014452101"

@pytest.mark.parametrize(("app", "user", "flow"), [("demo-app", WORKER, "code"), ("demo-app", WORKER, "exchange"), ("demo-app", PATIENT, "code"), ("demo-app", None, None)])
@pytest.mark.parametrize("role", [None, ROLE])
def test_the_doctor_says_of_every_route_what_the_gateway_says(own: Any, run: Any, app: str, user: str | None, flow: str | None, role: str | None) -> None:
    """Each route that reads a token is called: taken and refused agree, and so do status and reason."""
    who = ("--user", user, "--flow", flow) if user is not None else ()
    token = run("token", "get", "--app", app, *who)["access_token"]
    named = ("--role", role) if role is not None else ()
    report = run("doctor", "token", "--base-url", own.url, *named, stdin=token, where=False)
    assert report["kind"] == "access-token"
    assert len(report["routes"]) >= 15
    headers = {"authorization": f"Bearer {token}", "x-request-id": "60e0b220-8136-4ca5-ae46-1d97ef59d068"} | ({"nhsd-session-urid": role} if role else {})
    with own.client() as client:
        for found in report["routes"]:
            answer = client.request(found["method"], found["path"], headers=headers)
            reason = answer.headers.get("x-wardgate-reason")
            assert found["takes"] == (reason is None), f"{found}: {answer.status_code} {reason}"
            if found["refusal"] is not None:
                assert (found["refusal"]["reason"], found["refusal"]["status"]) == (reason, answer.status_code)


def test_the_doctor_says_whose_a_token_is(own: Any, run: Any) -> None:
    """Pattern, level, time, roles; not who the user is."""
    token = run("token", "get", "--app", "demo-app", "--user", WORKER)["access_token"]
    text = own.cli("doctor", "token", "--base-url", own.url, stdin=token).out
    assert "combined (authorization code): a healthcare worker of NHS CIS2" in text
    assert re.search(r"^level +aal3$", text, re.MULTILINE)
    assert re.search(r"^expires +in 59\d s$", text, re.MULTILINE)
    assert re.search(r"^takes +GET /user-demo/echo/worker$", text, re.MULTILINE)
    assert re.search(r"^refuses +GET /user-demo/echo/patient: 403 scope-insufficient; needs urn:", text, re.MULTILINE)
    assert WORKER not in text
    one = own.cli("doctor", "token", "--base-url", own.url, "--route", "/user-demo/echo/patient", stdin=token)
    assert (one.code, "what to do" in one.out) == (1, True)
    assert own.cli("doctor", "token", "--base-url", own.url, "--route", "/user-demo/echo/worker", stdin=token).code == 0


def test_the_doctor_says_why_a_token_is_refused_everywhere(own: Any, run: Any, tmp_path: Path) -> None:
    """Revoked, over, forged, opaque, empty; a token is a file or standard input, never a word."""
    token = run("token", "get", "--app", "demo-app", "--user", WORKER, "--no-keep")["access_token"]
    doctor = ("doctor", "token", "--base-url", own.url)
    head, payload, signature = token.split(".")
    assert run(*doctor, "--now", "2100-01-01T00:00:00Z", stdin=token, code=1, where=False)["refusal"]["reason"] == "access-token-expired"
    for text in (f"{head}.{payload}.{signature[:-4]}AAAA", "opaque", "é"):
        assert run(*doctor, stdin=text, code=1, where=False)["refusal"]["reason"].startswith("access-token-")
    file = tmp_path / "token"
    file.write_text(token + "\n")
    run("token", "revoke", file, where=False)
    revoked = run(*doctor, file, code=1, where=False)["refusal"]
    assert (revoked["reason"], "revoked" in revoked["received"]) == ("access-token-revoked", True)
    assert "the input is empty" in run(*doctor, stdin="\n", code=1, where=False)
    assert "wardgate doctor assertion" in run(*doctor, stdin=own.assertion(), code=1, where=False)


def test_the_doctor_sees_that_a_sign_in_has_ended(own: Any, run: Any, until: Any) -> None:
    """Signing out at the provider reaches the token: it says whose sign-in it was, and that it ended."""
    asked = ("--app", "demo-app", "--user", "656005750105", "--oauth-path", "/oauth2-mock", "--no-keep")
    token = run("token", "get", *asked)["access_token"]
    grant = UnverifiedJWT.parse(token).claims["sess"]
    ended = own.cli("doctor", "token", "--base-url", own.url, stdin=token)
    assert f"{grant}, which goes on" in ended.out
    with World(own.data, None) as world:  # as a logout token of the provider ends it
        world.stores.grants.end([grant], world.now, world.event(EventType.SIGN_IN_ENDED, "demo-app", cause="a logout token"))
    found = until(lambda: (report := own.cli("doctor", "token", "--base-url", own.url, "-o", "json", stdin=token)).code == 1 and report.data, what="the end")
    assert found["refusal"]["received"] == f"sign-in {grant}, ended"


def respelt(text: str, **header: Any) -> str:
    """Return a token with header members changed; those given as None are left out. Its signature is no longer one."""
    parts = text.split(".")
    members = json.loads(base64url.decode(parts[0].encode())) | header
    return ".".join([base64url.encode(json.dumps({name: value for name, value in members.items() if value is not None}).encode()), *parts[1:]])


def test_the_doctor_says_of_an_id_token_what_the_token_endpoint_says(own: Any, id_token: Any) -> None:
    """Row, status, error and text of the first check that fails, compared with the answer of the server."""
    good = id_token()
    cases = {
        "good": good, "another path's": id_token("/oauth2-mock"), "no kid": respelt(good, kid=None), "no typ": respelt(good, typ=None),
        "no alg": respelt(good, alg=None), "swapped alg": respelt(good, alg="HS256"), "unknown kid": respelt(good, kid="another"), "forged": good[:-8] + "AAAAAAAA",
        "opaque in three parts": "a.b.c",
    }
    rows: dict[str, int | None] = {}
    for app in ("demo-app", "writer-app"):
        for name, text in cases.items():
            report = own.cli("doctor", "token", "--base-url", own.url, "--app", app, "-o", "json", stdin=text)
            with own.client() as client:
                said = client.post("/oauth2/token", data=own.form(
                    app, grant_type="urn:ietf:params:oauth:grant-type:token-exchange", subject_token_type="urn:ietf:params:oauth:token-type:id_token", subject_token=text))
            told = report.data["answer"]
            if said.status_code == 200:
                assert (told, report.code) == (None, 0), name
                continue
            body = said.json()
            assert report.code == 1
            assert (told["status"], told["error"], told["error_description"]) == (said.status_code, body["error"], body["error_description"]), name
            rows[f"{name}, {app}"] = told["row"]
            assert PATIENT not in report.out
    assert (rows["another path's, demo-app"], rows["no kid, demo-app"], rows["forged, demo-app"], rows["good, writer-app"]) == (33, 24, 36, 37)


def test_the_doctor_takes_the_assertion_into_account(own: Any, run: Any, id_token: Any, tmp_path: Path) -> None:
    """Rows 3 to 21 come before those of the ID token; the application is whose the assertion is."""
    text = id_token()
    file = tmp_path / "assertion"
    doctor = ("doctor", "token", "--base-url", own.url, "--assertion", file)
    for claims, row in (({"exp": 1}, 6), ({"jti": None}, 12), ({"iss": "nobody", "sub": "nobody"}, 16)):
        file.write_text(own.assertion(**claims))
        assert run(*doctor, stdin=text, code=1, where=False)["answer"]["row"] == row
    file.write_text(own.assertion("no-public-key-app"))
    assert run(*doctor, stdin=text, code=1, where=False)["answer"]["row"] == 17
    file.write_text(own.assertion())
    assert run(*doctor, stdin=text, where=False)["token"]["application"] == "demo-app"
    strict = own.assertion("strict-app", sign_with="strict-es256", aud="https://elsewhere.example/oauth2/token")
    file.write_text(strict)
    assert run(*doctor, stdin=text, code=1, where=False)["answer"]["row"] == 20


def test_the_doctor_needs_no_installation_to_say_what_a_token_says(own: Any, run: Any, id_token: Any, tmp_path: Path) -> None:
    """A supplier's developer has the published keys alone: signature and time are checked, and what the token says is told."""
    token = run("token", "get", "--app", "demo-app", "--user", WORKER, "--no-keep")["access_token"]
    away = ("doctor", "token", "--data", tmp_path / "nothing", "--base-url", own.url, "--ca", own.ca)
    told = run(*away, stdin=token, where=False)
    assert (told["token"]["level"], told["token"]["application"], told["routes"]) == ("aal3", "demo-app", None)
    text = own.cli(*away, stdin=token).out
    assert "an installation knows: --data" in text
    assert "goes on" not in text
    forged = run(*away, stdin=token[:-8] + "AAAAAAAA", code=1, where=False)
    assert forged["refusal"]["reason"] == "access-token-unknown"
    assert run(*away, "--now", "2100-01-01T00:00:00Z", stdin=token, code=1, where=False)["refusal"]["reason"] == "access-token-expired"
    assert run(*away, stdin="opaque", code=1, where=False)["refusal"]["reason"] == "access-token-unknown"
    assert "name one with --data" in run(*away, stdin=id_token(), code=1, where=False)
    assert not (tmp_path / "nothing").exists()


def test_the_doctor_goes_by_the_virtual_clock(own: Any, run: Any) -> None:
    """Eleven minutes ahead the token is over, for the gateway and for the doctor; back in time it is good again."""
    token = run("token", "get", "--app", "demo-app", "--user", WORKER, "--no-keep")["access_token"]
    doctor = ("doctor", "token", "--base-url", own.url)
    headers = {"authorization": f"Bearer {token}"}
    try:
        run("clock", "advance", "11m", where=False)
        with own.client() as client:
            assert client.get("/user-demo/echo/worker", headers=headers).headers["x-wardgate-reason"] == "access-token-expired"
        assert run(*doctor, stdin=token, code=1, where=False)["refusal"]["reason"] == "access-token-expired"
        ahead = run("token", "get", "--app", "demo-app", "--user", WORKER, "--flow", "exchange", "--no-keep")["access_token"]
        assert run(*doctor, stdin=ahead, where=False)["passed"]
    finally:
        run("clock", "reset", where=False)
    assert run(*doctor, stdin=token, where=False)["passed"]
