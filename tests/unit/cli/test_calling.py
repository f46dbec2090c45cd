"""`wardgate token` and `wardgate call`, against a server on loopback."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import uvicorn

from wardgate.cli.context import World
from wardgate.demo.keys import key_set, write_keys
from wardgate.jose import KeyRules, SigningJWK, UnverifiedJWT, parse_jwk_set, sign, verify

KEY = "first-app-key-for-a-trial"


@dataclass
class Platform:
    """A token endpoint that verifies signatures, and an API that takes its token or an API key."""

    url: str = ""
    seen: list[dict[str, str]] = field(default_factory=list)
    refuse_tokens: bool = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.seen.append(headers)
        status, answer, extra = self.answer(scope["path"], headers, body)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        kind = b"application/octet-stream" if isinstance(answer, bytes) else b"application/json"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *extra]})
        await send({"type": "http.response.body", "body": content})

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        if path == "/oauth2/token":
            return self.token(parse_qs(body.decode()))
        if path == "/bytes":
            return 200, b"\xff\xfe", []
        if path == "/huge":
            return 200, b"x" * 10_000_001, []
        if headers.get("apikey") == KEY or headers.get("authorization") == "Bearer a-token":
            return 200, {"echo": body.decode()}, []
        fault = {"fault": {"faultstring": "Invalid ApiKey", "detail": {"errorcode": "oauth.v2.InvalidApiKey"}}}
        return 401, fault, [(b"x-wardgate-reason", b"api-key-unknown"), (b"x-request-id", b"request-7")]

    def token(self, form: dict[str, list[str]]) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        if self.refuse_tokens:
            text = "Invalid 'iss'/'sub' claims in client_assertion JWT"
            return 401, {"error": "invalid_request", "error_description": text, "message_id": "rrt-1"}, [(b"x-wardgate-reason", b"client-unknown")]
        unverified = UnverifiedJWT.parse(form["client_assertion"][0])
        key = parse_jwk_set(key_set(), KeyRules()).get(unverified.header["kid"])
        assert key is not None
        claims = verify(unverified, key).claims
        assert (claims["iss"], claims["aud"]) == (KEY, f"{self.url}/oauth2/token")
        return 200, {"access_token": "a-token", "expires_in": "599", "token_type": "Bearer", "issued_at": "1"}, []


@pytest.fixture
def platform() -> Iterator[Platform]:
    """Run the server on a free port."""
    serving = Platform()
    listening = socket.create_server(("127.0.0.1", 0))
    serving.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(serving, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    yield serving
    server.should_exit = True
    thread.join(10)
    listening.close()


@pytest.fixture
def here(installed: Any, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the command line with the demo's keys in place and the server as its environment."""
    write_keys(tmp_path / "data" / "demo")
    monkeypatch.setenv("WARDGATE_URL", platform.url)
    return installed


def test_token_get_prints_the_token_alone(here: Any) -> None:
    """In text it can be used in scripts; in JSON it has its lifetime."""
    assert here("token", "get", "--app", "first-app").out == "a-token\n"
    assert here("token", "get", "--app", "first-app", "-o", "json").data == {
        "access_token": "a-token", "token_type": "Bearer", "expires_in": 599.0}


def test_a_refused_token_is_explained(here: Any, platform: Platform) -> None:
    """Status, text, reason and the way to the whole story; the exit code is 1."""
    platform.refuse_tokens = True
    answer = here("token", "get", "--app", "first-app")
    assert answer.code == 1
    assert "HTTP 401 invalid_request: Invalid 'iss'/'sub' claims" in answer.out
    assert "wardgate explain rrt-1" in answer.out
    assert here("call", "GET", "/x", "--app", "first-app").err.startswith("wardgate: 401 invalid_request")


def test_a_call_by_each_pattern(here: Any, platform: Platform) -> None:
    """With --app a call is by signed JWT unless said otherwise; ids are sent."""
    assert here("call", "get", "/x", "--app", "first-app").out.startswith("HTTP 200 OK\ncontent-type: application/json\n")
    assert here("call", "GET", "/x", "--app", "first-app", "--pattern", "api-key", "-o", "json").data["status"] == 200
    assert here("call", "GET", "/x").code == 1
    assert "authorization" not in platform.seen[-1]
    assert "apikey" not in platform.seen[-1]
    assert len(platform.seen[-1]["x-request-id"]) == 36


def test_a_body_and_headers_are_sent(here: Any, platform: Platform) -> None:
    """The body comes from a file or standard input, headers from options."""
    answer = here("call", "POST", "/x", "--app", "first-app", "--pattern", "api-key", "--data-file", "-", "-H", "X-Thing: 7",
                  "-o", "json", stdin="hello")
    assert answer.data["body"] == {"echo": "hello"}
    assert platform.seen[-1]["x-thing"] == "7"


def test_a_refused_call_is_explained(here: Any) -> None:
    """The reason, its check, who can fix it and the way to the whole story are printed."""
    answer = here("call", "GET", "/x")
    assert answer.code == 1
    for said in ("HTTP 401 Unauthorized", "refused      api-key-unknown", "what to do", "wardgate explain request-7"):
        assert said in answer.out
    assert here("call", "GET", "/x", "-o", "json").data["refusal"]["reason"] == "api-key-unknown"


def test_bodies_are_bounded_and_bytes_are_not_printed(here: Any) -> None:
    """A body of more than 10 MB is refused; one that is no text is counted."""
    assert here("call", "GET", "/bytes", "-o", "json").data["body"] == "(2 bytes that are not text)"
    answer = here("call", "GET", "/huge")
    assert (answer.code, answer.out) == (1, "")
    assert "more than 10000000 bytes" in answer.err


def test_the_caller_may_be_elsewhere(wardgate: Any, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key in the environment and a key file, no store is needed."""
    write_keys(tmp_path / "keys")
    monkeypatch.setenv("WARDGATE_API_KEY", KEY)
    answer = wardgate("token", "get", "--base-url", platform.url, "--key-file", tmp_path / "keys" / "demo-1.pem")
    assert (answer.code, answer.out) == (0, "a-token\n")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["--app", "nobody"], 1, "there is no application nobody"),
    (["--app", "first-app", "--kid", "../../demo-1"], 1, "no private key for first-app"),
    (["--app", "first-app", "--base-url", "http://10.0.0.1"], 1, "credentials are not sent over http: to 10.0.0.1; use https"),
    (["--app", "first-app", "--base-url", "nonsense"], 1, "a base URL has a scheme"),
    (["--app", "first-app", "--base-url", "https://127.0.0.1:9"], 1, "wardgate: https://127.0.0.1:9: "),
    ([], 2, "give the private key with --key-file"),
], ids=["no application", "path as kid", "clear text", "no URL", "nobody there", "no caller"])
def test_what_cannot_work_is_said_in_one_line(here: Any, arguments: list[str], code: int, said: str) -> None:
    """No traceback, no credential."""
    answer = here("token", "get", *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert KEY not in answer.err


def own_token(world: World, **claims: Any) -> str:
    """Return a token signed by the installation."""
    world.keys.rotate_if_due("access-token", world.now)
    key = world.keys.signer("access-token", world.now)
    ends = int((world.now + timedelta(minutes=5)).timestamp())
    return sign({"jti": "token-id-1", "exp": ends, "client_id": "first-app"} | claims, SigningJWK.of(key.kid, "ES256", key.private), "at+jwt")


def test_a_token_is_revoked_by_itself_or_by_id(installed: Any, tmp_path: Path) -> None:
    """The id is remembered until the token's end, and the act is in the record."""
    with World(tmp_path / "data", None) as world:
        assert installed("token", "revoke", stdin=own_token(world)).out.startswith("revoked token-id-1\n")
        assert installed("token", "revoke", "--jti", "token-id-2").code == 0
        assert set(world.stores.tokens.revoked(world.now)) == {"token-id-1", "token-id-2"}
        assert [json.loads(record.body)["details"]["jti"] for record in world.stores.audit.last(2)] == ["token-id-1", "token-id-2"]


def test_a_foreign_token_is_not_revoked(installed: Any, tmp_path: Path) -> None:
    """A token that this installation did not sign is refused, and so is any other text."""
    with World(tmp_path / "data", None) as world:
        foreign = own_token(world)[:-8] + "AAAAAAAA"
        assert installed("token", "revoke", stdin=foreign).err == "wardgate: this access token was not issued by this Wardgate\n"
        assert installed("token", "revoke", stdin="nonsense").err.startswith("wardgate: this is not an access token")
        assert not world.stores.tokens.revoked(world.now)
