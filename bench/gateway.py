"""What security costs at the gateway: our compiled Envoy against the same Envoy without its security filters, and others.

The others: an Envoy that only proxies, nginx and HAProxy with the same checks (`peers`). All with TLS on, one core, 64 keep-alive
connections, 100 callers in turn, in interleaved rounds; the figures are medians.
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.caller import Connection, context
from bench.machine import MISSING, Missing, Run, Runs, cpu_seconds, free_ports, pin_self, program, wrk
from bench.peers import haproxy, nginx, plain_envoy
from bench.plane import running
from bench.report import Verdict, table, verdicts
from bench.world import (
    BEFORE_PATH,
    JWT_PATH,
    KEY_PATH,
    ROLE_PATH,
    USER_PATH,
    Population,
    Realm,
    backend,
    self_signed_material,
)

BASELINE: Final = "Wardgate's Envoy, no security filter"
BARE: Final = "Envoy that only proxies"
API_KEY: Final = "Wardgate, api-key"
SIGNED_JWT: Final = "Wardgate, signed-jwt"
USER_RESTRICTED: Final = "Wardgate, user-restricted"
ROLE: Final = "Wardgate, with a role chosen"
BEFORE: Final = "Wardgate, recorded before"
DECIDED: Final = (ROLE, BEFORE)
"""Judged by the decision service, whose time counts too."""
NGINX: Final = "nginx auth_request + uvicorn"
HAPROXY: Final = "HAProxy jwt_verify"
SCRIPT: Final = Path(__file__).with_name("load.lua")
REQUEST_ID: Final = "7f1c9b52-2f06-4d8e-9a53-0d6a4c1f8e21"


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who is measured: where, with which header, and the processes whose time counts."""

    port: int
    pids: tuple[int, ...]
    path: str
    header: str
    values: Path
    refuses: tuple[str, ...] = ()
    """Values of the header that must be refused; empty: it judges nothing."""


@contextlib.contextmanager
def contestants(directory: Path) -> Iterator[Mapping[str, Contestant]]:
    """Start everything; a peer that is not installed is said and left out."""
    backend_port, unsecured_port, bare_port, nginx_port, haproxy_port = free_ports(5)
    tls = self_signed_material()
    with contextlib.ExitStack() as stack:
        realm = Realm(Population(), stack.enter_context(backend(directory, backend_port)))
        keys, tokens, user_tokens = directory / "keys", directory / "tokens", directory / "user-tokens"
        user_tokens.write_text("".join(f"Bearer {realm.user_token(number)}\n" for number in range(realm.population.applications)))
        keys.write_text("".join(f"{realm.key(number)}\n" for number in range(realm.population.applications)))
        tokens.write_text("".join(f"Bearer {realm.token(number)}\n" for number in range(realm.population.applications)))
        plane = stack.enter_context(running(directory / "run", realm.snapshot(), tls))
        ours = plane.layout.https_port, (plane.pid,)
        decided = plane.layout.https_port, (plane.pid, *plane.python_pids)
        bad_tokens = tuple(f"Bearer {token}" for token in (realm.token(1) + "A", realm.token(1, seconds=-60), realm.revoked_token(), realm.token(1, scope="x")))
        bad_user_tokens = tuple(f"Bearer {token}" for token in (realm.token(1), realm.user_token(1, level="aal2"), realm.ended_user_token()))
        unsecured = stack.enter_context(plain_envoy.running(directory, unsecured_port, plane, tls, bare=False))
        bare = stack.enter_context(plain_envoy.running(directory, bare_port, plane, tls, bare=True))
        found = {
            BASELINE: Contestant(unsecured_port, (unsecured,), JWT_PATH, "Authorization", tokens),
            BARE: Contestant(bare_port, (bare,), JWT_PATH, "Authorization", tokens),
            API_KEY: Contestant(*ours, KEY_PATH, "apikey", keys, ("x" * 32,)),
            SIGNED_JWT: Contestant(*ours, JWT_PATH, "Authorization", tokens, bad_tokens),
            USER_RESTRICTED: Contestant(*ours, USER_PATH, "Authorization", user_tokens, bad_user_tokens),
            ROLE: Contestant(*decided, ROLE_PATH, "Authorization", user_tokens, bad_user_tokens),
            BEFORE: Contestant(*decided, BEFORE_PATH, "Authorization", user_tokens, bad_user_tokens),
        }
        peers: Mapping[str, Callable[[], tuple[int, list[int]]]] = {
            NGINX: lambda: (nginx_port, stack.enter_context(nginx.running(directory, nginx_port, backend_port, realm, tls))),
            HAPROXY: lambda: (haproxy_port, stack.enter_context(haproxy.running(directory, haproxy_port, backend_port, realm, tls))),
        }
        for name, start in peers.items():
            try:
                program(name.split(maxsplit=1)[0].lower())
            except Missing:
                print(MISSING[name.split(maxsplit=1)[0].lower()])
                continue
            port, pids = start()
            found[name] = Contestant(port, tuple(pids), JWT_PATH, "Authorization", tokens, bad_tokens)
        yield found


def idle_share(one: Contestant, seconds: float = 10.0) -> float:
    """Return the share of a core that is used without a request: polling for new rules. Longer than a question is held."""
    before = cpu_seconds(one.pids)
    time.sleep(seconds)
    return (cpu_seconds(one.pids) - before) / seconds


async def judge(found: Mapping[str, Contestant]) -> None:
    """Raise `RuntimeError` unless every contestant that should judge does: a gateway that lets all through is fast."""
    for name, one in found.items():
        for value in one.refuses:
            connection = Connection(one.port, context())
            status = await connection.get(one.path, {one.header: value})
            connection.close()
            if status not in {401, 403}:
                raise RuntimeError(f"{name} answered {status} to a credential that must be refused")


def load(one: Contestant, seconds: int, connections: int) -> Run:
    """Load one contestant once."""
    arguments = [one.path, one.header, str(one.values), REQUEST_ID]
    return wrk(f"https://127.0.0.1:{one.port}", SCRIPT, seconds, connections, one.pids, arguments)


def measure(rounds: int = 5, seconds: int = 2, connections: int = 64) -> list[Verdict]:
    """Measure, print the table and return the promises. Raises `Missing` without wrk or nginx."""
    program("wrk")
    pin_self()
    found: dict[str, Runs] = {}
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary, contestants(Path(temporary)) as who:
        asyncio.run(judge(who))
        polls = idle_share(who[SIGNED_JWT])
        for one in who.values():
            load(one, 1, connections)
        for _ in range(rounds):
            for name, one in who.items():
                found.setdefault(name, Runs()).runs.append(load(one, seconds, connections))
    refused = sum(run.refused for runs in found.values() for run in runs.runs)
    if refused:
        raise RuntimeError(f"{refused} requests were refused or failed, so the figures mean nothing: "
                           + ", ".join(f"{name} {sum(run.refused for run in runs.runs)}" for name, runs in found.items()))
    print(f"Wardgate's Envoy uses {polls:.1%} of its core to poll for new rules; the figures below include it.")
    return _report(found)


def _report(found: Mapping[str, Runs]) -> list[Verdict]:
    base = found[BASELINE]

    def ratio(name: str, figure: str) -> float:
        return found[name].median(figure) / base.median(figure)

    rows = [[name, runs.median("cpu_us"), runs.median("per_second"), runs.median("p50_ms"), runs.median("p99_ms"),
             ratio(name, "cpu_us"), ratio(name, "p99_ms")] for name, runs in found.items()]
    table(["gateway (TLS, one core)", "CPU µs/request", "requests/s", "p50 ms", "p99 ms", "CPU ratio", "p99 ratio"], rows)
    peers = [Verdict(f"signed-jwt: CPU per request, to {name} with the same checks",
                     found[SIGNED_JWT].median("cpu_us") / found[name].median("cpu_us") if name in found else None, 1.0, " x") for name in (NGINX, HAPROXY)]
    return [
        Verdict("api-key: CPU per request, to the same Envoy without security filters", ratio(API_KEY, "cpu_us"), 1.25, " x"),
        Verdict("signed-jwt: CPU per request, to the same Envoy without security filters", ratio(SIGNED_JWT, "cpu_us"), 1.6, " x"),
        Verdict("signed-jwt: p99, to the same Envoy without security filters", ratio(SIGNED_JWT, "p99_ms"), 1.6, " x"),
        Verdict("user-restricted: CPU per request, to the same Envoy without security filters", ratio(USER_RESTRICTED, "cpu_us"), 1.6, " x"),
        *(Verdict(f"{name}: CPU per request, to the same Envoy without security filters", ratio(name, "cpu_us"), 3.5, " x") for name in DECIDED),
        *peers,
    ]


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    verdicts(measure(options.rounds, options.seconds, options.connections))


if __name__ == "__main__":
    main()
