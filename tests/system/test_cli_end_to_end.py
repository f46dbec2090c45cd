"""Every command once, for real, against a Wardgate that runs: what it says is what the gateway then does."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from system import message_commands, people_commands, system_commands
from wardgate.audit import Event, EventType
from wardgate.cli.context import World
from wardgate.cli.reference import commands
from wardgate.demo.keys import key_set
from wardgate.jose import UnverifiedJWT
from wardgate.keystores import es256
from wardgate.stores.ports import SigningKey

HELLO = "/hello-world/hello/application"
NEW_NAME = "new-app.example.thirdparty.nhs.uk"
RUN: set[str] = set()
"""The commands that this file has run; the last test compares it with the tree."""
NOTICE = timedelta(seconds=8)
"""In which Envoy has to hear of a key, on a slow machine too."""


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of this file."""
    with new_wardgate(environ={"WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000", "WARDGATE_SIGN_IN_LOCK_FAILURES": "2"}) as one:
        RUN.add("wardgate up")
        yield one


@pytest.fixture
def run(own: Any) -> Callable[..., Any]:
    """Run a command that must succeed, and return its JSON; `code` when it must fail, None when it may."""
    def one(*arguments: Any, stdin: Any = None, code: int | None = 0) -> Any:
        words = [str(argument) for argument in arguments]
        RUN.update(LEAVES & {" ".join(("wardgate", *words[:length])) for length in (1, 2, 3)})
        result = own.cli(*words, "--output", "json", stdin=stdin)
        assert code in {None, result.code}, f"{words}: {result.code}\n{result.out}\n{result.err}"
        try:
            return json.loads(result.out) if result.out.strip() else result.err
        except ValueError:  # a command that follows something tells of each thing on a line of its own
            return [json.loads(line) for line in result.out.splitlines()]

    return one


LEAVES = frozenset(name for name, command in commands() if not hasattr(command, "list_commands"))


@pytest.fixture
def url(own: Any) -> tuple[str, ...]:
    """The options that say where the server is."""
    return ("--base-url", own.url, "--ca", str(own.ca))


def test_an_application_from_birth_to_end(own: Any, run: Any, url: tuple[str, ...], tmp_path: Path) -> None:
    """create, show, list, set-jwks, approve, rotate-key, revoke-key, revoke; after each the gateway does what was said."""
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(key_set(["demo-1"])))
    made = run("app", "create", "new-app", "--organisation", "Z9X01", "--product", "hello-world", "--product", "tls-demo", "--pending",
               "--certificate-name", NEW_NAME, "--jwks-file", jwks)
    key = {"apikey": made["api_key"]}
    with own.client() as client:
        assert client.get(HELLO, headers=key).headers["x-wardgate-reason"] == "application-not-approved"
        assert run("app", "approve", "new-app")["confirmed_by"] == ["local"]
        assert client.get(HELLO, headers=key).status_code == 200
        shown = run("app", "show", "new-app")
        assert (shown["status"], shown["api_keys"][0]["ends_with"]) == ("approved", made["api_key"][-4:])
        assert made["api_key"] not in json.dumps(shown)
        assert "new-app" in [entry["name"] for entry in run("app", "list")]
        got = run("token", "get", "--app", "new-app", "--kid", "demo-1", *url)
        bearer = {"authorization": f"Bearer {got['access_token']}"}
        assert client.get(HELLO, headers=bearer).status_code == 200
        run("app", "set-jwks", "new-app", "--remove")
        refused = run("token", "get", "--app", "new-app", "--kid", "demo-1", *url, code=1)
        assert refused["reason"] == "public-key-not-registered"
        run("app", "set-jwks", "new-app", "--url", f"http://127.0.0.1:{own.demo_port}/jwks.json")
        assert run("token", "get", "--app", "new-app", "--kid", "demo-1", *url)["expires_in"] == 599
        file = tmp_path / "key"
        rotated = run("app", "rotate-key", "new-app", "--revoke-old", "--key-out", file)
        assert rotated["revoked"] == [made["credential"]]
        assert client.get(HELLO, headers=key).headers["x-wardgate-reason"] == "api-key-revoked"
        assert client.get(HELLO, headers={"apikey": file.read_text().strip()}).status_code == 200
        run("app", "revoke-key", "new-app", "--all")
        assert client.get(HELLO, headers={"apikey": file.read_text().strip()}).headers["x-wardgate-reason"] == "api-key-revoked"
        run("app", "revoke", "new-app")
    assert run("app", "show", "new-app")["status"] == "revoked"


def test_the_demo_writes_a_letter_and_manifests(run: Any, tmp_path: Path) -> None:
    """`demo letter`, `demo manifest`: what they write is what other commands take."""
    run("demo", "manifest", "hospital", "--out", tmp_path / "hospital.yaml")
    run("manifest", "check", tmp_path / "hospital.yaml")
    run("demo", "letter", "--out", tmp_path / "letter.xml")
    assert b"373942005" in (tmp_path / "letter.xml").read_bytes()


def test_mailboxes_workflows_and_message_keys(own: Any, run: Any, tmp_path: Path) -> None:
    """`mesh mailbox`, `mesh workflow`, `mesh shared-key`, `message keys`, and messages in files: each command, and what it changed."""
    for part in (message_commands.post, message_commands.files, message_commands.message_keys, message_commands.exchange):
        place = tmp_path / part.__name__
        place.mkdir()
        part(run, own.data, place)


def test_tokens_and_calls(own: Any, run: Any, url: tuple[str, ...], tmp_path: Path) -> None:
    """`call` by each pattern; `token revoke`; `explain` of what was refused."""
    opened = run("call", "GET", "/hello-world/hello/world", *url)
    assert (opened["status"], opened["body"]) == (200, {"message": "Hello World!"})
    for pattern in ("api-key", "signed-jwt"):
        assert run("call", "GET", HELLO, "--app", "demo-app", "--pattern", pattern, *url)["status"] == 200
    refused = run("call", "GET", HELLO, "--app", "revoked-key-app", "--pattern", "api-key", *url, code=1)
    assert refused["refusal"]["reason"] == "api-key-revoked"
    (event,) = run("explain", refused["refusal"]["explain"])["events"]
    assert event["refusal"]["who_can_fix"] == "calling application's developer"
    nothing = run("explain", "nobody-asked-for-this", "--wait", 0, code=1)
    assert nothing["found"] is False
    token = run("token", "get", "--app", "demo-app", *url)["access_token"]
    file = tmp_path / "token"
    file.write_text(token)
    with own.client() as client:
        bearer = {"authorization": f"Bearer {token}"}
        assert client.get(HELLO, headers=bearer).status_code == 200
        assert run("token", "revoke", file)["confirmed_by"] == ["local"]
        assert client.get(HELLO, headers=bearer).headers["x-wardgate-reason"] == "access-token-revoked"
        other = own.token(client)
        run("token", "revoke", "--jti", UnverifiedJWT.parse(other).claims["jti"])
        assert client.get(HELLO, headers={"authorization": f"Bearer {other}"}).headers["x-wardgate-reason"] == "access-token-revoked"


def test_a_user_is_behind_tokens_and_calls(own: Any, run: Any, url: tuple[str, ...], tmp_path: Path) -> None:
    """`token get --user`, `call --user`, `doctor token`, `token forget`; more of them in `cli_users`."""
    who = ("--app", "demo-app", "--user", "656005750105", *url)
    token = run("token", "get", *who)["access_token"]
    assert run("call", "GET", "/user-demo/echo/worker", *who)["body"]["headers"]["nhsd-identity-uuid"] == "656005750105"
    file = tmp_path / "token"
    file.write_text(token)
    taken = [found["path"] for found in run("doctor", "token", file, "--base-url", own.url)["routes"] if found["takes"]]
    assert "/user-demo/echo/worker" in taken
    assert "/user-demo/echo/patient" not in taken
    assert run("token", "forget", *who) == {"forgotten": 1}


def test_certificates(own: Any, run: Any, new_certificate: Any, tmp_path: Path) -> None:
    """issue, list, doctor cert and csr, call by TLS-MA, renew, revoke."""
    chain, key = new_certificate(own, "tls-app")
    RUN.add("wardgate cert issue")
    request = chain.with_name("request.csr")
    assert run("doctor", "csr", request, "--name", "tls-app.example.thirdparty.nhs.uk")["passed"]
    assert not run("doctor", "csr", request, "--name", "another.example.thirdparty.nhs.uk", code=1)["passed"]
    assert run("doctor", "cert", chain)["passed"]
    tls = ("--app", "tls-app", "--pattern", "tls-ma", "--base-url", own.mtls_url, "--ca", own.ca)
    called = run("call", "GET", "/tls-demo/hello", *tls, "--cert", chain, "--cert-key", key)
    assert called["body"] == {"message": "Hello TLS-MA!"}
    (listed,) = [entry for entry in run("cert", "list") if entry["name"] == "tls-app.example.thirdparty.nhs.uk"]
    assert run("cert", "list", "--expiring", 60) == []
    renewed = run("cert", "renew", "--serial", listed["serial"], "--early", "--out", tmp_path)
    assert renewed["serial"] != listed["serial"]
    assert run("call", "GET", "/tls-demo/hello", *tls, "--cert", tmp_path / "chain.pem", "--cert-key", key)["status"] == 200
    revoked = run("cert", "revoke", "--serial", listed["serial"], "--reason", "superseded")["revoked"]
    assert [entry["revocation_reason"] for entry in revoked] == ["superseded"]
    assert not run("doctor", "cert", chain, code=1)["passed"]
    assert own.cli("call", "GET", "/tls-demo/hello", *tls, "--cert", chain, "--cert-key", key).code == 1
    assert run("call", "GET", "/tls-demo/hello", *tls, "--cert", tmp_path / "chain.pem", "--cert-key", key)["status"] == 200


def test_the_issuing_authority_changes_its_generation(own: Any, run: Any, new_certificate: Any, until: Any) -> None:
    """Two stages under the running server: the new one issues when Envoy knows it; then the old one's clients are refused."""
    old = new_certificate(own, "tls-app")
    with own.client(mutual_tls=old) as client:
        assert client.get("/tls-demo/hello").status_code == 200
        assert run("ca", "rotate")["name"] == "authentication-2"
        assert client.get("/tls-demo/hello").status_code == 200

        def issued_by_the_new_one() -> tuple[Path, Path] | None:
            made = new_certificate(own, "tls-app")
            return made if any(entry["authority"] == "authentication-2" for entry in run("cert", "list")) else None

        new = until(issued_by_the_new_one, what="the lead time")
        with own.client(mutual_tls=new) as other:
            assert other.get("/tls-demo/hello").json() == {"message": "Hello TLS-MA!"}
        held = own.cli("ca", "retire", "authentication-1")
        assert (held.code, "are in use: " in held.err, "tls-app.example" in held.err) == (1, True, True)
        assert client.get("/tls-demo/hello").status_code == 200, "until then the old one's clients are served"
        run("ca", "retire", "authentication-1", "--force")
        assert client.get("/tls-demo/hello").status_code == 495
    with own.client(mutual_tls=new) as other:
        assert other.get("/tls-demo/hello").status_code == 200
    states = {entry["name"]: entry["state"].split()[0] for entry in run("ca", "list")}
    assert states == {"root-1": "trusted", "authentication-1": "retired", "authentication-2": "trusted"}


@pytest.mark.parametrize(("how", "code", "reason"), [
    ({}, 0, None),
    ({"aud": "https://elsewhere.example/token"}, 1, "assertion-aud"),
    ({"header": {"typ": None}}, 1, "assertion-typ"),
    ({"sign_with": "unpublished", "header": {"kid": "demo-1"}}, 1, "assertion-signature"),
])
def test_the_doctor_says_what_the_server_says(own: Any, run: Any, how: dict[str, Any], code: int, reason: str | None) -> None:
    """The first failing check of `doctor assertion` is the reason the server then gives."""
    text = own.assertion(**how)
    jwks = own.data.parent / "jwks.json"
    jwks.write_text(json.dumps(key_set()))
    found = run("doctor", "assertion", "-", "--jwks", jwks, "--base-url", own.url, stdin=text, code=code)
    first = next((entry for entry in found["checks"] if entry["outcome"] == "failed"), None)
    assert (first["code"] if first else None) == reason
    with own.client() as client:
        answer = client.post("/oauth2/token", data=own.form(client_assertion=text))
    assert answer.headers.get("x-wardgate-reason") == reason


def test_the_doctor_looks_at_key_sets(own: Any, run: Any) -> None:
    """From a file and from a URL, under the server's own limits."""
    base = f"http://127.0.0.1:{own.demo_port}"
    assert run("doctor", "jwks", "-", stdin=json.dumps(key_set()))["passed"]
    assert run("doctor", "jwks", "--url", f"{base}/jwks.json", "--allow-loopback")["passed"]
    for name in ("broken", "huge", "nowhere"):
        assert not run("doctor", "jwks", "--url", f"{base}/jwks/{name}.json", "--allow-loopback", code=1)["passed"]
    assert not run("doctor", "jwks", "--url", f"{base}/jwks.json", code=1)["passed"], "loopback is not for everyone"


def test_the_record_is_read_verified_and_exported(own: Any, run: Any, tmp_path: Path) -> None:
    """tail, verify and export, in both formats and with checkpoints kept elsewhere."""
    with own.client() as client:
        request_id = client.get("/hello-world/hello/world").headers["x-request-id"]
    run("explain", request_id)
    assert own.cli("audit", "tail", "--lines", 5).out.count("\n") == 5
    RUN.update({"wardgate audit tail", "wardgate audit export"})
    files = {form: tmp_path / form for form in ("jsonl", "fhir", "checkpoints")}
    for form, path in files.items():
        assert own.cli("audit", "export", "--format", form, "--out", path).code == 0
    lines = files["jsonl"].read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, len(lines) + 1))
    resources = [json.loads(line) for line in files["fhir"].read_text().splitlines()]
    assert {entry["resourceType"] for entry in resources} == {"AuditEvent"}
    assert len(resources) >= len(lines)
    assert "not-a-secret" not in files["jsonl"].read_text() + files["fhir"].read_text(), "a secret reached the record"
    assert files["checkpoints"].read_text(), "the chain is signed at the start"
    verdict = run("audit", "verify", "--checkpoints", files["checkpoints"])
    assert verdict["intact"]
    assert verdict["records"] >= len(lines)


def test_the_manifest_goes_round(own: Any, run: Any, tmp_path: Path) -> None:
    """export, check, diff, apply: what is exported is valid and is what is held; a change is told by name before it is made."""
    text = own.cli("manifest", "export").out
    path = tmp_path / "manifest.yaml"
    path.write_text(text)
    assert run("manifest", "check", path)["valid"]
    RUN.add("wardgate manifest export")
    assert run("manifest", "schema")["$schema"]
    assert own.cli("manifest", "diff", path).out == "No difference.\n"
    RUN.add("wardgate manifest diff")
    assert run("manifest", "apply", path, "--yes")["applied"] is False
    assert own.cli("manifest", "export").out == text
    changed = text.replace("  profile: strict\n  products: [hello-world, fhir-demo]", "  profile: strict\n  products: [fhir-demo]")
    assert changed != text
    path.write_text(changed)
    told = own.cli("manifest", "diff", path).out
    assert "bound-app loses /hello-world" in told
    assert "hello-world" in told
    assert run("manifest", "apply", path, "--yes")["applied"] is True
    path.write_text(text)
    assert run("manifest", "apply", path, "--yes")["applied"] is True
    assert own.cli("manifest", "export").out == text


def test_signing_keys_rotate_with_overlap(own: Any, run: Any, until: Any) -> None:
    """A new key is published before it signs; tokens of the old and of the new key are both believed."""
    def published(client: httpx2.Client) -> list[str]:
        return [key["kid"] for key in client.get("/oauth2/jwks").json()["keys"]]

    with own.client() as client:
        old = own.token(client)
        next_kid = run("key", "rotate")["kid"]
        assert next_kid in [entry["kid"] for entry in run("key", "list")]
        until(lambda: next_kid in published(client), what="its publication")
        assert _kid(own.token(client)) == _kid(old) != next_kid, "it must not sign before every cache has it"
        with World(own.data, None) as world:  # a key with a shorter notice than a day
            now = world.now
            signing, pem = es256.generate()
            event = Event(EventType.SIGNING_KEY_ROTATED, now, details={"use": "access-token", "kid": signing})
            world.stores.signing_keys.add(SigningKey(signing, "access-token", pem, now, now + NOTICE), event)
        while True:
            token = own.token(client)
            for one in (old, token):
                assert client.get(HELLO, headers={"authorization": f"Bearer {one}"}).status_code == 200
            if _kid(token) == signing:
                break
            assert world.now - now < NOTICE * 10
            time.sleep(0.1)
        with World(own.data, None) as world:  # and what the old key signed is no longer believed
            end = world.now + timedelta(seconds=1)
            for kid in {_kid(old), next_kid}:
                world.stores.signing_keys.retire(kid, end)
        until(lambda: _kid(old) not in published(client), what="its end")
        until(lambda: client.get(HELLO, headers={"authorization": f"Bearer {old}"}).status_code == 401, what="its refusal")
        assert client.get(HELLO, headers={"authorization": f"Bearer {own.token(client)}"}).status_code == 200


def test_keys_become_key_sets(own: Any, run: Any) -> None:
    """`key jwks` prints what `doctor jwks` takes; of a private key, the public half."""
    made = run("key", "jwks", own.data / "demo" / "demo-1.pem", own.data / "demo" / "demo-2.pem")
    assert made == key_set()
    assert run("doctor", "jwks", "-", stdin=json.dumps(made))["passed"]


def test_the_store_is_sealed_again_while_it_serves(own: Any, run: Any) -> None:
    """`key reseal` under the running server: everything can still be opened; what is sealed with the first key stays."""
    assert run("key", "reseal") == {"resealed": 0}
    with own.client() as client:
        assert own.token(client)
    assert run("app", "show", "demo-app")["api_keys"][0]["ends_with"] == "cret"


def test_sign_in_providers_are_shown_and_get_secrets(own: Any, run: Any) -> None:
    """Who signs people in, what to register there, and a secret that is never shown again."""
    assert [one["name"] for one in run("provider", "list")] == ["cis2", "cis2-mock", "nhs-login", "nhs-login-mock"]
    assert [key["kty"] for key in run("provider", "show", "nhs-login")["jwks"]["keys"]] == ["RSA"]
    run("provider", "set-secret", "cis2", "-", stdin="a-secret-that-nobody-knows")
    assert run("provider", "show", "cis2")["client_secret_set"] is True
    assert "nobody-knows" not in own.cli("provider", "show", "cis2").out


def test_a_system_from_registration_to_removal(run: Any, until: Any, tmp_path: Path) -> None:
    """Every command of `system` and `directory`, `doctor spine-jwt` and `audit who-saw`."""
    one = system_commands.assure(run, tmp_path)
    system_commands.change(one)
    system_commands.judge(one)
    system_commands.exchange_and_remove(one, tmp_path)
    system_commands.account(one, until)


def test_people_sign_in_and_are_let_in_again(own: Any, run: Any) -> None:
    """Every command of `user`."""
    people_commands.passwords_and_codes(own, run)
    people_commands.passkeys(own, run)


def test_version(run: Any) -> None:
    """The last one."""
    assert run("version")["wardgate"]


def test_faults(own: Any, run: Any) -> None:
    """Listed, shown, asked for, and met."""
    assert len(run("faults", "list")) > 200
    assert run("faults", "show", "code-invalid")["ask_by"] == ["header", "parameter", "person"]
    with own.client() as client:
        client.post("/oauth2/token", data={"client_id": "demo-app-key-not-a-secret"}, headers={"Wardgate-Fault": "code-invalid"})
    assert [entry["name"] for entry in run("faults", "list", "--app", "demo-app", "--met") if entry["met"]["asked_for"]] == ["code-invalid"]


def test_clock(own: Any, run: Any) -> None:
    """Turned, shown, and turned back: Envoy confirms each."""
    assert run("clock", "show")["ahead_seconds"] == 0
    assert run("clock", "advance", "1h30m")["confirmed_by"] == ["local"]
    assert run("clock", "show")["ahead_seconds"] == 5400
    assert run("clock", "reset")["confirmed_by"] == ["local"]


def test_every_command_was_run() -> None:
    """A command that is added is run here too."""
    assert sorted(LEAVES - RUN) == []


def _kid(token: str) -> str:
    return str(UnverifiedJWT.parse(token).header["kid"])
