"""A logout token reaches a client of the stand-ins although Wardgate was killed meanwhile, and goes nowhere it must not."""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
import yaml

from system.running import free_ports
from wardgate.demo import source
from wardgate.jose import UnverifiedJWT

REALM = "/realms/Cis2-mock-internal-dev/protocol/openid-connect"
PAUSES = {"WARDGATE_LOGOUT_RETRY_PAUSES_SECONDS": "[5, 1, 1]"}


@contextlib.contextmanager
def receiver(port: int) -> Iterator[list[str]]:
    """A client that takes logout tokens at a port."""
    taken: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """Takes every form."""

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            taken.extend(form["logout_token"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()


def told_at(wardgate: Any, *addresses: str) -> list[str]:
    """Have an application told at each address; return their names."""
    manifest = yaml.safe_load(source(f"http://127.0.0.1:{wardgate.demo_port}").content)
    first = next(one for one in manifest["relying_parties"] if one["client_id"] == "test-client-cis2")
    parties = [{**first, "client_id": f"told-{number}", "backchannel_logout_uri": address} for number, address in enumerate(addresses)]
    manifest["relying_parties"] += parties
    path = wardgate.data.parent / "manifest.yaml"
    path.write_text(yaml.safe_dump(manifest))
    wardgate.done("manifest", "apply", path, "--yes")
    return [party["client_id"] for party in parties]


def sign_out(wardgate: Any, *clients: str) -> str:
    """Sign in to each client in one session, and out again; return the session's name."""
    callback = f"http://127.0.0.1:{wardgate.demo_port}/callback"
    hint = ""
    with wardgate.client() as browser:
        for client in clients:
            back = browser.get(f"{REALM}/auth", params={
                "response_type": "code", "client_id": client, "redirect_uri": callback, "scope": "openid", "state": "s"})
            action = re.search(r'<form id="kc-form-login" action="([^"]*)"', back.text)
            if action is not None:
                back = browser.post(unescape(action[1]), data={"username": "656005750104"})
            code = httpx2.URL(back.headers["location"]).params["code"]
            hint = browser.post(f"{REALM}/token", data={
                "client_id": client, "client_secret": "test-client-cis2-not-a-secret", "grant_type": "authorization_code", "code": code,
                "redirect_uri": callback}).json()["id_token"]
        assert browser.get(f"{REALM}/logout", params={"id_token_hint": hint}).status_code == 200
    return str(UnverifiedJWT.parse(hint).claims["sid"])


def given_up(wardgate: Any) -> list[dict[str, Any]]:
    """Return the records of logout tokens that were not delivered."""
    lines = wardgate.cli("audit", "export", "--format", "jsonl").out.splitlines()
    details = [json.loads(json.loads(line)["body"])["details"] for line in lines if "logout-not-delivered" in line]
    return [{name: one[name] for name in ("client", "sid", "attempts", "answer")} for one in details]


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of this file, which is killed."""
    with new_wardgate(environ=PAUSES) as one:
        yield one


def test_a_kill_between_the_attempts(own: Any, until: Callable[..., Any]) -> None:
    """The client was down, then Wardgate was; when both are there again, the client is told, once."""
    (port,) = free_ports(1)
    clients = told_at(own, f"http://127.0.0.1:{port}/logout")
    session = sign_out(own, *clients)
    own.kill()
    with receiver(port) as taken:
        own.start()
        until(lambda: taken, what="the logout token")
        (claims,) = [UnverifiedJWT.parse(token).claims for token in taken]
        assert (claims["sid"], claims["sub"], claims["aud"]) == (session, "656005750104", clients[0])
        second = sign_out(own, *clients)
        until(lambda: len(taken) > 1, what="the next one")
        assert [UnverifiedJWT.parse(token).claims["sid"] for token in taken] == [session, second]
    assert given_up(own) == []


def test_an_address_inside_is_never_asked(own: Any, until: Callable[..., Any]) -> None:
    """A client's developer writes it; it must not reach into our networks, nor go without TLS. That is recorded with the reason."""
    inside = "expected a public address; received one of a private, local or reserved network"
    expected = {
        "https://10.255.255.1/logout": inside, "https://169.254.169.254/latest": inside, "https://[fd00::1]/logout": inside,
        "http://93.184.216.34/logout": "expected an https URL; received an http URL"}
    clients = told_at(own, *expected)
    session = sign_out(own, *clients)
    found = until(lambda: seen if len(seen := [one for one in given_up(own) if one["sid"] == session]) == len(clients) else None, 60, "the records")
    assert {one["client"]: one["answer"] for one in found} == dict(zip(clients, expected.values(), strict=True))
    assert {one["attempts"] for one in found} == {4}
