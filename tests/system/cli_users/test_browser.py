"""Signing in by a browser: the command waits on this machine, whoever else knocks."""

import socket
import subprocess
from typing import Any

import httpx2
import pytest
import yaml

from wardgate.client import PendingSignIn, sign_in_at_stand_in
from wardgate.jose import UnverifiedJWT

WORKER = "656005750104"
SECONDS = 240.0

@pytest.fixture(scope="module")
def loopback_app(own: Any) -> str:
    """Register an application that has a redirect URI of this machine, behind one that is none, and return the URI's port."""
    (port,) = _free_ports()
    made = own.done("app", "create", "browser-app", "--organisation", "Z9X01", "--product", "user-demo", "--callback-url", "https://example.org/callback",
                    "--callback-url", f"http://127.0.0.1:{own.demo_port}/callback", "--callback-url", f"http://127.0.0.1:{port}/callback")
    assert made["client_secret"]
    return f"http://127.0.0.1:{port}/callback"


def _free_ports() -> list[int]:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return [one.getsockname()[1]]


def _address(process: subprocess.Popen[str]) -> str:
    """Return the address that the command says to sign in at."""
    assert process.stderr is not None
    heading = process.stderr.readline()
    assert heading.startswith("sign in here, within 240 s"), heading + process.stderr.read()
    return process.stderr.readline().strip()


def _sign_in(own: Any, address: str, home: str, user: str) -> str:
    """Sign in as a browser does, and return where it is sent to."""
    return sign_in_at_stand_in(PendingSignIn(address, home, "", ""), user, tls=own.trust())


@pytest.mark.parametrize("flow", ["code", "exchange"])
def test_a_browser_signs_in(own: Any, spawn: Any, loopback_app: str, flow: str) -> None:
    """The command waits on this machine; a favicon, an attacker's code and another path end nothing; then it prints the token."""
    home = loopback_app if flow == "code" else f"http://127.0.0.1:{_free_ports()[0]}/callback"
    words = ["--app", "browser-app"] if flow == "code" else ["--app", "demo-app", "--flow", "exchange", "--redirect-uri", home]
    if flow == "exchange":
        _register_at_the_provider(own, home)
        words += ["--client-id", "browser-client"]
    process = spawn("token", "get", *words, "--browser", "--no-keep", "--sign-in-wait", "240")
    back = _sign_in(own, _address(process), home, WORKER)
    with httpx2.Client(trust_env=False) as browser:
        root = home.removesuffix("/callback")
        assert browser.get(f"{root}/favicon.ico").status_code == 404
        assert browser.get(f"{home}?code=attackers&state=guessed").status_code == 404
        assert browser.get(back.replace("/callback", "/elsewhere")).status_code == 404
        assert browser.get(f"{back}&state=again").status_code == 404
        page = browser.get(back)
        assert (page.status_code, "You have signed in" in page.text) == (200, True)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, err) == (0, "")
    assert UnverifiedJWT.parse(out.strip()).claims["sub"] == WORKER


def _register_at_the_provider(own: Any, home: str) -> None:
    manifest = yaml.safe_load(own.cli("manifest", "export").out)
    manifest["relying_parties"].append({"client_id": "browser-client", "kind": "nhs-cis2", "redirect_uris": [home]})
    file = own.data / "with-browser-client.yaml"
    file.write_text(yaml.safe_dump(manifest))
    applied = own.cli("manifest", "apply", file, "--yes")
    assert applied.code == 0, applied.err


def test_a_browser_that_comes_back_with_an_error_is_told(own: Any, spawn: Any, loopback_app: str) -> None:
    """The page says that nobody signed in, the command why; the exit code is 1."""
    process = spawn("token", "get", "--app", "browser-app", "--browser", "--no-keep", "--acr-values", "AAL3_ANY", "--sign-in-wait", "240")
    back = _sign_in(own, _address(process), loopback_app, "656005750109")
    with httpx2.Client(trust_env=False) as browser:
        assert "You have not signed in" in browser.get(back).text
    out, _ = process.communicate(timeout=SECONDS)
    assert (process.returncode, "access_denied" in out) == (1, True)


def test_a_browser_that_does_not_come_back_is_not_waited_for_for_ever(spawn: Any, loopback_app: str) -> None:
    """The time is over: one line, exit code 1."""
    process = spawn("token", "get", "--app", "browser-app", "--browser", "--no-keep", "--sign-in-wait", "1")
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert f"nobody came back to {loopback_app} within 1 s" in err


def test_an_application_without_a_redirect_uri_of_this_machine_is_told(own: Any) -> None:
    """What it has, why none of it serves, and what it needs."""
    result = own.cli("token", "get", "--app", "strongest-app", "--browser", "--base-url", own.url, "--ca", own.ca)
    assert result.code == 1
    assert "no redirect URI of strongest-app can be listened at; it needs one such as http://127.0.0.1:9003/callback" in result.err
    assert f"http://127.0.0.1:{own.demo_port}/callback: cannot listen there" in result.err
