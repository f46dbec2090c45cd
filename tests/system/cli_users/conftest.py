"""A Wardgate for each file here, whose data directory keeps tokens, and the ways to run a command on it."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import warm
from wardgate.client import ClientSecret, RelyingParty, sign_in_at_stand_in, trust_context

PATIENT = "9912003071"


@pytest.fixture(scope="module")
def own(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate of this file."""
    with new_wardgate(environ={"WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}) as one:
        yield one


@pytest.fixture
def run(own: Any) -> Iterator[Callable[..., Any]]:
    """Run a command and return its JSON; `code` is how it must end. Afterwards no tokens are kept."""
    def one(*words: Any, code: int = 0, stdin: Any = None, where: bool = True) -> Any:
        place = ("--base-url", own.url, "--ca", own.ca) if where else ()
        result = own.cli(*words, *place, "--output", "json", stdin=stdin)
        assert result.code == code, f"{words}: {result.code}\n{result.out}\n{result.err}"
        return json.loads(result.out) if result.out.strip() else result.err

    yield one
    own.cli("token", "forget", "--all")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The command `wardgate`, which begins at once."""
    return str(warm.write_command(tmp_path_factory.mktemp("program")) / "wardgate")


@pytest.fixture
def spawn(own: Any, program: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command as a process of its own; no browser is opened."""
    started: list[subprocess.Popen[str]] = []

    def one(*words: str) -> subprocess.Popen[str]:
        command = [program, *words, "--base-url", own.url, "--ca", str(own.ca), "--data", str(own.data)]
        environment = own.environment() | {"BROWSER": "true"}
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment))
        return started[-1]

    yield one
    for process in started:
        process.terminate()  # it hands that on to the process that does the work
        process.communicate()


@pytest.fixture
def kept(own: Any) -> Callable[[], list[Path]]:
    """Return the files of kept tokens."""
    return lambda: sorted((own.data / "sign-ins").glob("*.json"))


@pytest.fixture
def id_token(own: Any) -> Callable[..., str]:
    """Return an ID token of the stand-in NHS login that a base path trusts."""
    def one(oauth_path: str = "/oauth2") -> str:
        issuer = "/standins/nhs-login" if oauth_path == "/oauth2" else "/realms/NHS-Login-mock-internal-dev"
        secret = ClientSecret("test-client-nhs-login", "test-client-nhs-login-not-a-secret")
        with RelyingParty(own.url + issuer, secret, tls=trust_context(own.ca)) as party:
            pending = party.begin("https://example.org/callback")
            return party.redeem(pending, sign_in_at_stand_in(pending, PATIENT, tls=own.trust())).id_token.text

    return one
