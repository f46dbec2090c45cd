"""The same rules over HTTP/2, with the caller's own tool: curl, which must have been built with HTTP/2."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from wardgate.catalogue.paths import RouteMatcher
from wardgate.security_patterns.decide import decide
from wire.cast import CHANGES, GOOD_ID, Cast, key_of
from wire.requests_strategy import AUTHORIZATIONS, ROUTE_PATHS, Ask

CURL = shutil.which("curl")


@pytest.fixture(scope="module", autouse=True)
def _curl() -> None:
    """Without it nothing here would be tried."""
    assert CURL is not None, "curl is not installed: script/system-packages"
    assert "HTTP2" in subprocess.run([CURL, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout, "this curl was built without HTTP/2"


def quoted(text: str) -> str:
    """Return a value of curl's configuration file."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def send_all(plane: Any, cast: Cast, asks: list[Ask], directory: Path) -> list[tuple[str, int, str, bytes]]:
    """Send every request, kept-alive and multiplexed as curl sees fit; return version, status, reason and body of each."""
    lines: list[str] = []
    for number, ask in enumerate(asks):
        # NOTE: curl sends a header without a value when the name ends in a semicolon
        headers = [f"{name}: {value}" if value.strip() else f"{name};" for name, value in ask.headers(cast)]
        person = cast.people[ask.who] if ask.who and ask.listener == "mtls" else None
        lines += ["next"] if number else []
        lines += [f"url = {quoted(plane.url(ask.path, ask.listener))}", f"request = {ask.method}", "http2", "insecure", "path-as-is", "silent", "max-time = 20",
                  f"output = {quoted(str(directory / f'{number}.body'))}", f"dump-header = {quoted(str(directory / f'{number}.head'))}",
                  *(f"header = {quoted(header)}" for header in headers)]
        if person is not None:
            lines += [f"cert = {quoted(str(person.identity.certificate))}", f"key = {quoted(str(person.identity.key))}"]
    configuration = directory / "requests"
    configuration.write_text("\n".join(lines), encoding="latin-1")
    assert CURL is not None
    subprocess.run([CURL, "--config", configuration], check=True, timeout=120, capture_output=True)
    return [_answer(directory, number) for number in range(len(asks))]


def _answer(directory: Path, number: int) -> tuple[str, int, str, bytes]:
    first, *lines = (directory / f"{number}.head").read_text(encoding="latin-1").strip().splitlines()
    headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
    version, status = first.split()[:2]
    body = directory / f"{number}.body"
    return version, int(status), headers.get("x-wardgate-reason", "allowed"), body.read_bytes() if body.exists() else b""


def ask(path: str, *, listener: str = "https", who: str | None = None, keys: tuple[str, ...] = (), authorizations: tuple[str, ...] = (),
        request_ids: tuple[str, ...] = (GOOD_ID,), method: str = "GET") -> Ask:
    """Return a request."""
    return Ask(listener, who, "open", "1.3", method, path, "plain", keys, authorizations, request_ids)


def everything(cast: Cast) -> list[Ask]:
    """Return each route with each kind of credential, each spelling of the header, and each token, one after the other."""
    writable = [value for value in AUTHORIZATIONS if value.isascii()]
    found = [ask(path, keys=keys) for path in ROUTE_PATHS for keys in ((), (key_of("alpha"),), (key_of("alpha"), key_of("beta")), ("",))]
    found += [ask(path, listener="mtls", who=who) for path in ROUTE_PATHS for who in ("alpha", "stray")]
    found += [ask("/hello-world/jwt", authorizations=(value,)) for value in writable]
    found += [ask("/fhir/R4/Patient/1", authorizations=(f"token:{name}",)) for name in cast.tokens if name != "stranger-issuer"]
    found += [ask("/hello-world/jwt", authorizations=pair) for pair in (("token:good", "token:good"), ("Basic x", "token:good"), ("", "token:good"))]
    found += [ask("/problem/strict", request_ids=ids) for ids in ((), ("bad",), ("",), (GOOD_ID, GOOD_ID))]
    return found + [ask("/hello-world/methods", method=method) for method in ("POST", "DELETE", "PUT")]


@pytest.mark.parametrize("changes", [(), ("alpha suspended", "a token revoked", "the quota of fhir spent", "beta's certificate revoked")])
def test_http2_agrees_with_the_rule_book(
    changes: tuple[str, ...], cast: Cast, shared_plane: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Outcome, reason and status are those of `decide`, whatever the version of HTTP."""
    snapshot = cast.snapshot(shared_plane.backend_url)
    for name in changes:
        snapshot = CHANGES[name](snapshot, cast)
    shared_plane.publish(snapshot)
    routes, asked = RouteMatcher(snapshot.apis), everything(cast)
    answers = send_all(shared_plane, cast, asked, tmp_path)
    wrong = []
    for one, (version, status, code, body) in zip(asked, answers, strict=True):
        decision = decide(one.facts(cast), snapshot, routes)
        expected = (decision.refusal.reason.status, decision.refusal.reason.code) if decision.refusal else (200, "allowed")
        assert version == "HTTP/2"
        if (status, code) != expected:
            wrong.append(f"{one}: rule book {expected}, Envoy {(status, code)}")
        elif decision.allowed:
            assert not {"authorization", "apikey"} & json.loads(body)["headers"].keys()
    with capsys.disabled():
        print(f"\n  HTTP/2: {len(asked)} requests by curl", end="")
    assert not wrong, "\n".join(wrong)
