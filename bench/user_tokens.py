"""Tokens of users: exchange of an ID token, and refresh, each durable with its record before the answer.

Beside npm's `oidc-provider` doing its refresh grant with rotation and an ES256 JWT access token, without waiting for the disk and as
durable as ours. One core each, 64 connections, interleaved. An exchange proves two RS512 signatures, a refresh none.
"""

import argparse
import contextlib
import json
import os
import secrets
import signal
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization

from bench import assertions, tokens
from bench.machine import Run, Runs, free_ports, program, wait_path, wrk
from bench.peers import oidc_provider
from bench.report import Verdict, table, verdicts
from wardgate.jose import SigningJWK, sign

EXCHANGE: Final = "Wardgate, token exchange, durable"
REFRESH: Final = "Wardgate, refresh, durable"
PEER: Final = "oidc-provider, refresh, not waiting for the disk"
PEER_DURABLE: Final = "oidc-provider, refresh, durable"
EXCHANGE_SCRIPT: Final = Path(__file__).with_name("tokens.lua")
REFRESH_SCRIPT: Final = Path(__file__).with_name("refresh.lua")
USER_SCOPE: Final = "urn:nhsd:apim:user-nhs-cis2:aal3:patients"
SEEDS: Final = 200
"""Sign-ins that are refreshed in turn; more than there are connections."""
WARM_UP: Final = 6000
"""Exchanges signed for the first second, which also tells how many are needed for the rounds."""


@dataclass(frozen=True, slots=True)
class Exchanges:
    """What makes token exchanges: the client's and the provider's keys, and where they go."""

    client_pem: bytes
    provider_pem: bytes
    issuer: str
    path: str
    who: assertions.Who

    def write(self, file: Path, count: int) -> None:
        """Sign this many requests: a fresh assertion each, an ID token of one of a hundred people."""
        key = SigningJWK.of("bench", "RS512", serialization.load_pem_private_key(self.provider_pem, None))
        people = [sign(self._id_token(number), key, "JWT") for number in range(100)]
        pairs = zip(assertions.forms(self.client_pem, self.who, count), (people[number % 100] for number in range(count)), strict=True)
        assertions.write(file, [_exchange(form, person) for form, person in pairs])

    def _id_token(self, number: int) -> dict[str, Any]:
        now = int(time.time())
        return {"iss": self.issuer, "aud": "bench", "sub": f"{555_000_000_000 + number}", "exp": now + 3600, "iat": now,
                "authentication_assurance_level": 3, "id_assurance_level": 3, "sid": f"session-{number}"}


def _exchange(form: str, subject_token: str) -> str:
    named = dict(urllib.parse.parse_qsl(form)) | {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token", "subject_token": subject_token,
    }
    return urllib.parse.urlencode(named)


@dataclass(frozen=True, slots=True)
class Contestant:
    """One grant of one server: how to load it for some seconds."""

    run: Callable[[int], Run]


def _refreshing(one: tokens.Contestant, form: str, seeds: Path, new_seeds: Callable[[], None]) -> Contestant:
    def run(seconds: int) -> Run:
        seeds.unlink(missing_ok=True)
        new_seeds()
        wait_path(seeds, 60)
        return wrk(f"http://127.0.0.1:{one.port}", REFRESH_SCRIPT, seconds, tokens.CONNECTIONS, [one.pid], [one.path, form, str(seeds)])

    return Contestant(run)


def _exchanging(one: tokens.Contestant) -> Contestant:
    def run(seconds: int) -> Run:
        found = wrk(f"http://127.0.0.1:{one.port}", EXCHANGE_SCRIPT, seconds, tokens.CONNECTIONS, [one.pid], [one.path, str(one.forms), str(one.used + 1)])
        one.used += found.requests + tokens.CONNECTIONS
        return found

    return Contestant(run)


def _post(url: str, form: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, form.encode(), timeout=10) as answer:
        return dict(json.loads(answer.read()))


@contextlib.contextmanager
def contestants(directory: Path, rounds: int) -> Iterator[Mapping[str, Contestant]]:
    """Start every server, warm it up, and sign what it will be asked."""
    client_pem, client_jwks = assertions.new_key()
    provider_pem, provider_jwks = assertions.new_key()
    ports, secret = free_ports(3), secrets.token_urlsafe(24)
    with contextlib.ExitStack() as stack:
        more = {"secret": secret, "user_scopes": [USER_SCOPE], "provider_jwks": provider_jwks}
        ours = stack.enter_context(tokens.ours(directory, ports[0], client_jwks, **more))
        base = f"http://127.0.0.1:{ports[0]}"
        exchanges = Exchanges(client_pem, provider_pem, f"{base}/provider", ours.path, assertions.Who(ours.subject, base + ours.path))
        seeding = directory / "ours.seeds"

        def seed() -> None:
            exchanges.write(directory / "seed.forms", SEEDS)
            found = [_post(base + ours.path, form)["refresh_token"] for form in (directory / "seed.forms").read_text().split()]
            seeding.with_suffix(".new").write_text("\n".join(found) + "\n")
            seeding.with_suffix(".new").rename(seeding)

        form = urllib.parse.urlencode({"grant_type": "refresh_token", "client_id": tokens.KEY, "client_secret": secret}) + "&refresh_token="
        found = {EXCHANGE: _exchanging(ours), REFRESH: _refreshing(ours, form, seeding, seed)}
        if oidc_provider.node() is None:
            print(oidc_provider.HOW)
        else:
            for name, port, synchronous in ((PEER, ports[1], "OFF"), (PEER_DURABLE, ports[2], "FULL")):
                found[name] = stack.enter_context(_peer(directory, port, client_jwks, synchronous, secret))
        exchanges.write(ours.forms, WARM_UP)
        first = found[EXCHANGE].run(1)
        for name in found.keys() - {EXCHANGE}:
            found[name].run(2)
        exchanges.write(ours.forms, int(first.requests * tokens.SPARE) * tokens.RUN_SECONDS * rounds + tokens.CONNECTIONS * rounds)
        ours.used = 0
        yield found


@contextlib.contextmanager
def _peer(directory: Path, port: int, client_jwks: dict[str, Any], synchronous: str, secret: str) -> Iterator[Contestant]:
    seeds = directory / f"peer-{port}.seeds"
    with tokens.peer(directory, port, client_jwks, synchronous, seeds=SEEDS, seeds_file=str(seeds), secret=secret) as one:
        form = urllib.parse.urlencode({"grant_type": "refresh_token", "client_id": "bench-users", "client_secret": secret}) + "&refresh_token="
        yield _refreshing(one, form, seeds, lambda: os.kill(one.pid, signal.SIGUSR2))


def measure(rounds: int = 5) -> list[Verdict]:
    """Measure, print the table and return the promises. Raises `Missing` without wrk."""
    program("wrk")
    found: dict[str, Runs] = {}
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary, contestants(Path(temporary), rounds) as who:
        for _ in range(rounds):
            for name, one in who.items():
                found.setdefault(name, Runs()).runs.append(one.run(tokens.RUN_SECONDS))
    refused = {name: sum(run.refused for run in runs.runs) for name, runs in found.items()}
    if any(refused.values()):
        raise RuntimeError(f"requests were refused, so the figures mean nothing: {refused}")
    return _report(found)


def _report(found: Mapping[str, Runs]) -> list[Verdict]:
    table(["tokens of users (one core)", "CPU µs/token", "tokens/s", "p50 ms", "p99 ms"],
          [[name, runs.median("cpu_us"), runs.median("per_second"), runs.median("p50_ms"), runs.median("p99_ms")] for name, runs in found.items()])

    def ratio(name: str, peer: str) -> float | None:
        return found[name].median("per_second") / found[peer].median("per_second") if peer in found else None

    def verdict(what: str, name: str) -> Verdict:
        idle = ratio(name, PEER)
        note = f"to one that does not wait for the disk: {idle:.2f} x" if idle else ""
        return Verdict(f"{what} per second, to oidc-provider's refresh with the same durability", ratio(name, PEER_DURABLE), 2.0, " x", at_least=True, note=note)

    return [verdict("token exchanges", EXCHANGE), verdict("refreshes", REFRESH)]


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    verdicts(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
