"""Tokens that commands keep: who may read them, who renews them, and what is not used a second time."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wardgate.client import FileTokenStore
from wardgate.jose import UnverifiedJWT

WORKER, PATIENT = "656005750104", "9912003071"
SECONDS = 240.0
"""A process has to start, beside others, on a machine that may be busy."""

def make_old(path: Path, seconds: float = 590) -> None:
    """Put a kept access token back in time, so that it has to be renewed."""
    found = json.loads(path.read_text())
    found["obtained"] = (datetime.fromisoformat(found["obtained"]) - timedelta(seconds=seconds)).isoformat()
    path.write_text(json.dumps(found))


def test_tokens_are_kept_and_renewed(own: Any, run: Any, kept: Any) -> None:
    """The next command uses them; old ones are renewed by their refresh token, once; --fresh signs in anew."""
    asked = ("token", "get", "--app", "demo-app", "--user", WORKER)
    first = run(*asked)
    assert first["refresh_count"] == 0
    assert run(*asked)["access_token"] == first["access_token"]
    (file,) = kept()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert WORKER not in file.name
    make_old(file)
    second = run(*asked)
    assert (second["refresh_count"], second["access_token"] != first["access_token"]) == (1, True)
    assert run(*asked, "--fresh")["refresh_count"] == 0
    assert run("token", "forget", "--app", "demo-app", "--user", WORKER) == {"forgotten": 1}
    assert run("token", "forget", "--app", "demo-app", "--user", WORKER) == {"forgotten": 0}
    run(*asked, "--no-keep")
    assert kept() == []


def test_exchanged_tokens_are_renewed_too(own: Any, run: Any, kept: Any) -> None:
    """With the application's secret (user-restricted 4.5), in the profile strict by its key."""
    for app in ("demo-app", "strict-app"):
        asked = ("token", "get", "--app", app, "--user", PATIENT, "--flow", "exchange")
        run(*asked)
        make_old(kept()[0])
        assert run(*asked)["refresh_count"] == 1
        run("token", "forget", "--all")


def test_many_processes_renew_once(own: Any, run: Any, kept: Any, spawn: Any) -> None:
    """Five commands at once with tokens that are due: one refresh leaves, all print what it brought."""
    asked = ("token", "get", "--app", "demo-app", "--user", WORKER)
    run(*asked)
    (file,) = kept()
    make_old(file)
    together = [spawn(*asked) for _ in range(5)]
    printed = [one.communicate(timeout=SECONDS) for one in together]
    assert [one.returncode for one in together] == [0] * 5, printed
    assert len({out for out, _ in printed}) == 1
    held = FileTokenStore(file).load()
    assert held is not None
    assert (held.refresh_count, held.access.value) == (1, printed[0][0].strip())
    sign_in_id = UnverifiedJWT.parse(held.access.value).claims["sess"]
    events = [json.loads(line) for line in own.cli("audit", "tail", "-n", "200", "--output", "json").out.splitlines()]
    ours = [one for one in events if one["details"].get("sign_in") == sign_in_id and "refresh_count" in one["details"]]
    assert [one["details"]["refresh_count"] for one in ours] == [0, 1]
    assert [one for one in events if one.get("reason") == "refresh-token-invalid"] == []


@pytest.mark.parametrize(("spoil", "says"), [
    (lambda file: file.write_text("{"), "damaged"), (lambda file: file.chmod(0o644), "others may read or write it"),
    (lambda file: file.write_bytes(b" " * 70_000), "more than 65536 bytes"),
], ids=["damaged", "wide", "large"])
def test_a_kept_file_that_is_not_safe_is_not_used(own: Any, run: Any, spoil: Callable[[Path], Any], says: str, kept: Any) -> None:
    """It is named, and nothing is sent; after `token forget` the user signs in again."""
    asked = ("token", "get", "--app", "demo-app", "--user", WORKER)
    run(*asked)
    (file,) = kept()
    spoil(file)
    refused = run(*asked, code=1)
    assert says in refused
    assert str(file) in refused
    run("token", "forget", "--app", "demo-app", "--user", WORKER)
    assert run(*asked)["refresh_count"] == 0


def test_a_lost_renewal_is_not_repeated(own: Any, run: Any, kept: Any) -> None:
    """A note of an earlier process that got no answer: the command signs in anew, and the old refresh token is not sent."""
    asked = ("token", "get", "--app", "demo-app", "--user", WORKER)
    first = run(*asked)
    (file,) = kept()
    make_old(file, 598)
    found = json.loads(file.read_text())
    file.write_text(json.dumps(found | {"sent": found["obtained"]}))
    second = run(*asked)
    assert second["refresh_count"] == 0
    assert UnverifiedJWT.parse(second["access_token"]).claims["sess"] != UnverifiedJWT.parse(first["access_token"]).claims["sess"]


def test_a_call_says_that_its_tokens_were_kept(own: Any, run: Any) -> None:
    """A revoked token is shown as refused; --fresh is named, --retry renews."""
    asked = ("call", "GET", "/user-demo/echo/worker", "--app", "demo-app", "--user", WORKER)
    token = run("token", "get", "--app", "demo-app", "--user", WORKER)["access_token"]
    run("token", "revoke", stdin=token, where=False)
    assert run(*asked, code=1)["refusal"]["reason"] == "access-token-revoked"
    assert "--fresh signs in anew" in own.cli(*asked, "--base-url", own.url, "--ca", own.ca).err
    assert run(*asked, "--retry")["status"] == 200


def test_many_commands_at_once_keep_their_users_apart(run: Any, kept: Any, spawn: Any) -> None:
    """Two users, two applications, both flows at once: each command gets the token of its own."""
    asked = [(app, user, flow) for app in ("demo-app", "strict-app") for user in (WORKER, PATIENT) for flow in ("code", "exchange")]

    def one(app: str, user: str, flow: str) -> str:
        process = spawn("token", "get", "--app", app, "--user", user, "--flow", flow)
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        return str(out).strip()

    with ThreadPoolExecutor(4) as pool:
        for (app, user, flow), text in zip(asked, pool.map(lambda words: one(*words), asked), strict=True):
            claims = UnverifiedJWT.parse(text).claims
            assert (claims["client_id"], claims["sub"], claims["separate"]) == (app, user, flow == "exchange")
    assert len(kept()) == 8
