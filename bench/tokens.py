"""The token endpoint: an RS512 RSA-2048 assertion in, an ES256 token out, single use and audit durable before the answer.

Ours with full durability as by default, beside npm's `oidc-provider` (RS512 as well; SQLite for the used ids and an audit line, without
waiting for the disk, and as durable as ours), and beside the two signatures alone. One core each, 64 connections, interleaved.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

from bench import assertions
from bench.machine import SERVER_CORE, Run, Runs, free_ports, pin_self, program, started, wait_port, wrk
from bench.peers import oidc_provider
from bench.report import Verdict, table, verdicts
from bench.world import SCOPE

OURS: Final = "Wardgate, durable"
PEER: Final = "oidc-provider, not waiting for the disk"
PEER_DURABLE: Final = "oidc-provider, durable"
SCRIPT: Final = Path(__file__).with_name("tokens.lua")
WARM_UP: Final = {OURS: 9000, PEER: 5000, PEER_DURABLE: 5000}
"""Requests signed for the first second, which also tells how many are needed for the rounds."""
RUN_SECONDS: Final = 2
CONNECTIONS: Final = 64
SPARE: Final = 3.0
"""How much faster than in its first second a server may become: Node compiles as it goes."""


@dataclass(slots=True)
class Contestant:
    """A token endpoint, and the requests it has not seen yet."""

    port: int
    pid: int
    path: str
    forms: Path
    subject: str
    used: int = field(default=0)
    """How many of its forms have been sent."""


@contextlib.contextmanager
def contestants(directory: Path, rounds: int) -> Iterator[Mapping[str, Contestant]]:
    """Start every server, warm it up, and sign what it will be asked."""
    pem, client_jwks = assertions.new_key()
    ports = free_ports(3)
    found: dict[str, Contestant] = {}
    with contextlib.ExitStack() as stack:
        found[OURS] = stack.enter_context(ours(directory, ports[0], client_jwks))
        if oidc_provider.node() is None:
            print(oidc_provider.HOW)
        else:
            for name, port, synchronous in ((PEER, ports[1], "OFF"), (PEER_DURABLE, ports[2], "FULL")):
                found[name] = stack.enter_context(peer(directory, port, client_jwks, synchronous))
        for name, one in found.items():
            _sign(one, pem, WARM_UP[name])
            first = load(one, 1)
            _sign(one, pem, int(first.requests * SPARE) * RUN_SECONDS * rounds + CONNECTIONS * rounds)
        yield found


KEY: Final = "bench-api-key-0123456789abcdef"


def _sign(one: Contestant, pem: bytes, count: int) -> None:
    who = assertions.Who(one.subject, f"http://127.0.0.1:{one.port}{one.path}")
    assertions.write(one.forms, assertions.forms(pem, who, count))
    one.used = 0


@contextlib.contextmanager
def ours(directory: Path, port: int, client_jwks: dict[str, Any], **more: Any) -> Iterator[Contestant]:
    """Run our server on its core; `more` are settings of it that few need."""
    settings = directory / "ours.json"
    settings.write_text(json.dumps({"directory": str(directory), "port": port, "client_jwks": client_jwks, "key": KEY, "public_url": f"http://127.0.0.1:{port}"} | more))
    command = [sys.executable, "-m", "bench.token_server", str(settings)]
    with started(command, SERVER_CORE, directory / "ours.out", cwd=Path(__file__).parents[1]) as process:
        wait_port(port, 20)
        yield Contestant(port, process.pid, "/oauth2/token", directory / "ours.forms", KEY)


@contextlib.contextmanager
def peer(directory: Path, port: int, client_jwks: dict[str, Any], synchronous: str, **more: Any) -> Iterator[Contestant]:
    """Run npm's server on its core; `more` are settings of it that few need."""
    signing = assertions.jwk_of(ec.generate_private_key(ec.SECP256R1()))
    settings = {"port": port, "client_jwks": client_jwks, "signing_jwk": signing, "scope": SCOPE, "synchronous": synchronous,
                "database": str(directory / f"peer-{port}.db")} | more
    with oidc_provider.running(directory, settings) as pid:
        yield Contestant(port, pid, "/token", directory / f"peer-{port}.forms", "bench")


def load(one: Contestant, seconds: int = RUN_SECONDS) -> Run:
    """Ask for tokens, each with an assertion nobody has used."""
    arguments = [one.path, str(one.forms), str(one.used + 1)]
    run = wrk(f"http://127.0.0.1:{one.port}", SCRIPT, seconds, CONNECTIONS, [one.pid], arguments)
    one.used += run.requests + CONNECTIONS
    return run


def bare_cryptography_us() -> float:
    """Return the CPU time of one RSA-2048 SHA-512 verification and one P-256 signature, on the server's core."""
    code = "import bench.tokens as t; print(t.bare_here())"
    return float(subprocess.run(["taskset", "-c", str(SERVER_CORE), sys.executable, "-c", code], capture_output=True, text=True, check=True,
                                cwd=Path(__file__).parents[1]).stdout)


def bare_here(count: int = 2000) -> float:
    """Measure `bare_cryptography_us` in this process."""
    pem, _ = assertions.new_key()
    rsa_key: Any = serialization.load_pem_private_key(pem, None)
    ec_key, data = ec.generate_private_key(ec.SECP256R1()), os.urandom(400)
    public, signature = rsa_key.public_key(), rsa_key.sign(data, padding.PKCS1v15(), hashes.SHA512())
    scheme, sha512, ecdsa = padding.PKCS1v15(), hashes.SHA512(), ec.ECDSA(hashes.SHA256())
    before = time.process_time()
    for _ in range(count):
        public.verify(signature, data, scheme, sha512)
        ec_key.sign(data, ecdsa)
    return (time.process_time() - before) / count * 1e6


def measure(rounds: int = 5) -> list[Verdict]:
    """Measure, print the table and return the promises. Raises `Missing` without wrk."""
    program("wrk")
    found: dict[str, Runs] = {}
    floors: list[float] = []
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary, contestants(Path(temporary), rounds) as who:
        pin_self()
        for _ in range(rounds):
            for name, one in who.items():
                found.setdefault(name, Runs()).runs.append(load(one))
            floors.append(bare_cryptography_us())
    refused = {name: sum(run.refused for run in runs.runs) for name, runs in found.items()}
    if any(refused.values()):
        raise RuntimeError(f"requests were refused, so the figures mean nothing: {refused}")
    return _report(found, statistics.median(floors))


def _report(found: Mapping[str, Runs], floor: float) -> list[Verdict]:
    rows: list[list[object]] = [
        [name, runs.median("cpu_us"), runs.median("per_second"), runs.median("p50_ms"), runs.median("p99_ms"), runs.median("cpu_us") / floor]
        for name, runs in found.items()
    ]
    rows.append(["one RSA-2048 verification and one P-256 signature", floor, 1e6 / floor, None, None, 1.0])
    table(["token endpoint (one core)", "CPU µs/token", "tokens/s", "p50 ms", "p99 ms", "to bare cryptography"], rows)
    ours = found[OURS]
    durable, idle = found.get(PEER_DURABLE), found.get(PEER)
    note = f"to one that does not wait for the disk: {ours.median('per_second') / idle.median('per_second'):.2f} x" if idle else ""
    return [
        Verdict("tokens per second, to oidc-provider with the same durability",
                ours.median("per_second") / durable.median("per_second") if durable else None, 3.0, " x", at_least=True, note=note),
        Verdict("CPU per token, to the bare cryptography", ours.median("cpu_us") / floor, 6.0, " x"),
    ]


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    verdicts(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
