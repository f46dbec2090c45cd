"""What identifying systems costs: ASID, certificate and interaction in Envoy, at 20 systems and at 20,000; suspensions; memory.

The load goes through a bridge that shows the client certificate. So what counts is CPU time on the server's core: of Envoy, and with the
decision service's where that judges. Requests a second are those that one core would do.
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.caller import Connection, context, seconds_until
from bench.gateway import SCRIPT
from bench.machine import Run, Runs, free_ports, pin_self, program, resident_megabytes, wrk
from bench.peers import plain_envoy
from bench.plane import Plane, running
from bench.report import Verdict, table, verdicts
from bench.systems_world import (
    CALLERS,
    FLAG,
    JWT_PATH,
    NATIVE_PATH,
    TRACE,
    SystemsRealm,
    asid,
    bridge,
    client_certificate,
    headers,
    interactions,
)
from bench.world import backend, self_signed_material
from wardgate.dataplane.publish import LARGEST_OVERLAY
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.security_patterns.snapshot import Snapshot

SMALL: Final = 20
LARGE: Final = 20_000
SWAPS: Final = 20
CHANGED_IN_A_SWAP: Final = LARGEST_OVERLAY + 100
"""More than the overlay shall hold, so that the whole map is made anew at once."""
OFFSETS_SECONDS: Final = (0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5)
"""How long after the start of a swap the suspension comes."""
BASELINE: Final = "mutual TLS, no rules"


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who is measured: the bridge's port, and the processes whose time counts."""

    port: int
    pids: tuple[int, ...]
    path: str
    header: str
    values: Path

    def load(self, seconds: int, connections: int = 32) -> Run:
        """Load it once."""
        return wrk(f"http://127.0.0.1:{self.port}", SCRIPT, seconds, connections, self.pids, [self.path, self.header, str(self.values), TRACE])


@dataclass(frozen=True, slots=True)
class Stage:
    """Two worlds that are served, and what callers need."""

    directory: Path
    tls: TLSMaterial
    certificate: Path
    small: tuple[SystemsRealm, Plane]
    large: tuple[SystemsRealm, Plane]


@contextlib.contextmanager
def stage(directory: Path) -> Iterator[Stage]:
    """Run the small world and the large one."""
    tls = self_signed_material()
    certificate = client_certificate(tls, directory)
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(backend(directory, free_ports(1)[0]))
        found = []
        for name, count in (("small", SMALL), ("large", LARGE)):
            realm = SystemsRealm(count, url)
            found.append((realm, stack.enter_context(running(directory / name, realm.snapshot(), tls))))
        yield Stage(directory, tls, certificate, found[0], found[1])


@contextlib.contextmanager
def contestants(on: Stage) -> Iterator[Mapping[str, Contestant]]:
    """Put a bridge in front of each."""
    senders, tokens = on.directory / "senders", on.directory / "tokens"
    senders.write_text("".join(f"{asid(number)}\n" for number in range(CALLERS)))
    tokens.write_text(f"Bearer {on.large[0].spine_jwt(0)}\n")
    given = {name: value for name, value in headers().items() if name != "FromASID"}
    with contextlib.ExitStack() as stack:
        def bridged(to: int, said: dict[str, str]) -> int:
            return stack.enter_context(bridge(on.directory, free_ports(1)[0], to, on.certificate, said))

        plain_port = free_ports(1)[0]
        plain = stack.enter_context(plain_envoy.running(on.directory, plain_port, on.small[1], on.tls, bare=False, listener="mtls"))
        found = {BASELINE: Contestant(bridged(plain_port, given), (plain,), NATIVE_PATH, "FromASID", senders)}
        for size, (_, plane) in ((SMALL, on.small), (LARGE, on.large)):
            found[native(size)] = Contestant(bridged(plane.layout.mtls_port, given), (plane.pid,), NATIVE_PATH, "FromASID", senders)
        plane = on.large[1]
        found[JWT] = Contestant(bridged(plane.layout.mtls_port, headers(interaction=FLAG)), (plane.pid, *plane.python_pids), JWT_PATH, "Authorization", tokens)
        yield found


def native(size: int) -> str:
    """Return how the native route among so many systems is called in the table."""
    return f"asid-interaction, {size:,} systems"


JWT: Final = f"with a Spine JWT, {LARGE:,} systems"


def costs(on: Stage, rounds: int, seconds: int = 2) -> list[Verdict]:
    """Compare CPU per request, in interleaved rounds."""
    found: dict[str, Runs] = {}
    with contestants(on) as who:
        for number in range(rounds + 1):
            for name, one in who.items():
                run = one.load(seconds if number else 1)
                if run.refused:
                    raise RuntimeError(f"{run.refused} requests of {name} were refused")
                if number:
                    found.setdefault(name, Runs()).runs.append(run)
    rows = [[name, runs.median("cpu_us"), 1e6 / runs.median("cpu_us"), runs.median("p50_ms"), ratio(found, name, BASELINE)] for name, runs in found.items()]
    table(["systems (mutual TLS, one core)", "CPU µs/request", "requests/s of a core", "p50 ms", "CPU ratio"], rows)
    return [
        *(Verdict(f"{native(size)}: CPU per request, to the same Envoy with mutual TLS and no rules", ratio(found, native(size), BASELINE), 1.3, " x")
          for size in (SMALL, LARGE)),
        Verdict("a Spine JWT route: requests/s of a core, to the native route's", ratio(found, native(LARGE), JWT), 0.5, " x", at_least=True),
    ]


def ratio(found: Mapping[str, Runs], name: str, to: str) -> float:
    """Return the median of the ratios of CPU per request, round by round."""
    return statistics.median(one.cpu_us / other.cpu_us for one, other in zip(found[name].runs, found[to].runs, strict=True))


def suspended(snapshot: Snapshot, number: int, *, yes: bool = True) -> Snapshot:
    """Return the next snapshot, in which one system is suspended, or no longer."""
    systems = dict(snapshot.systems)
    systems[asid(number)] = replace(systems[asid(number)], suspended=yes)
    return replace(snapshot, generation=snapshot.generation + 1, systems=systems)


def swapped(snapshot: Snapshot) -> Snapshot:
    """Return the next snapshot, with so many systems changed that the map must be made anew."""
    systems = dict(snapshot.systems)
    for name in list(systems)[-CHANGED_IN_A_SWAP:]:
        number = int(name) - int(asid(0))
        one = interactions(number)
        other = frozenset(interactions(number + 1))
        systems[name] = replace(systems[name], interactions=frozenset(one) if systems[name].interactions == other else other)
    return replace(snapshot, generation=snapshot.generation + 1, systems=systems)


async def seen_after(on: Stage, snapshot: Snapshot, number: int, *, opened: bool) -> float:
    """Publish and return the seconds until a caller sees it, on a connection of before or on new ones."""
    plane = on.large[1]
    connection, given = Connection(plane.layout.mtls_port, context(on.certificate)), headers(number)
    before = await connection.get(NATIVE_PATH, given)
    began = time.monotonic()
    published = plane.begin(plane.publisher.publish(snapshot, on.tls, datetime.now(UTC)))
    if opened:
        seen = await seconds_until(lambda status: status != before, connection, NATIVE_PATH, given)
    else:
        seen = 0.0
        while not seen:
            connection.close()
            if await connection.get(NATIVE_PATH, given) != before:
                seen = time.monotonic()
    await asyncio.wrap_future(published)
    connection.close()
    return seen - began


def suspensions(on: Stage, rounds: int) -> tuple[list[Verdict], Snapshot]:
    """Measure a suspension alone, on open connections and on new ones, and at several moments of a swap of the whole map."""
    realm, plane = on.large
    current = realm.snapshot(2)
    plane.publish(current, on.tls)
    alone: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds):
        for opened, times in alone.items():
            for yes in (True, False):
                current = suspended(current, number % CALLERS, yes=yes)
                taken = asyncio.run(seen_after(on, current, number % CALLERS, opened=opened))
                if yes:
                    times.append(taken)
                plane.wait_confirmed()
    during: dict[float, float] = {}
    for number, offset in enumerate(OFFSETS_SECONDS):
        plane.wait_folded()
        current = swapped(current)
        swap = plane.begin(plane.publisher.publish(current, on.tls, datetime.now(UTC)))
        time.sleep(offset)
        current = suspended(current, number % CALLERS)
        during[offset] = asyncio.run(seen_after(on, current, number % CALLERS, opened=True))
        swap.result(120)
        current = suspended(current, number % CALLERS, yes=False)
        plane.publish(current, on.tls)
    print("a suspension is seen on an open connection after (s):", ", ".join(f"{one:.2f}" for one in alone[True]))
    print("… on a new connection:", ", ".join(f"{one:.2f}" for one in alone[False]))
    print("… on an open one, during a swap of the map begun so much earlier:", ", ".join(f"{offset:.1f} s earlier: {one:.2f}" for offset, one in during.items()))
    return [
        Verdict("a suspension in force on an open connection, median", statistics.median(alone[True]), 1.0, " s", note=f"worst {max(alone[True]):.2f}"),
        Verdict("the same on a new connection, median", statistics.median(alone[False]), 1.0, " s", note=f"worst {max(alone[False]):.2f}"),
        Verdict("the same while the whole map is being swapped, worst", max(during.values()), 1.0, " s", note=f"median {statistics.median(during.values()):.2f}"),
    ], current


def memory(on: Stage, current: Snapshot) -> Verdict:
    """Swap the whole map again and again and look at Envoy's memory afterwards."""
    plane = on.large[1]
    before = resident_megabytes(plane.pid)
    for _ in range(SWAPS):
        current = swapped(current)
        plane.publish(current, on.tls)
        plane.wait_folded()
    return Verdict(f"Envoy's memory with {LARGE:,} systems after {SWAPS} swaps", resident_megabytes(plane.pid), 300.0, " MB", note=f"before {before:.0f}")


def measure(rounds: int = 5) -> list[Verdict]:
    """Measure everything and return the promises. Raises `Missing` without wrk or nginx."""
    program("wrk")
    pin_self()
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary, stage(Path(temporary)) as on:
        found = costs(on, rounds)
        more, current = suspensions(on, rounds)
        return [*found, *more, memory(on, current)]


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    verdicts(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
