"""What size costs: 20,000 systems and 5,000 applications beside 10 of each; changes, swaps of the whole map, memory."""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.caller import Connection, context, seconds_until
from bench.gateway import REQUEST_ID, SCRIPT
from bench.machine import Runs, free_ports, pin_self, program, resident_megabytes, wrk
from bench.plane import Plane, running
from bench.report import Verdict, table, verdicts
from bench.world import JWT_PATH, KEY_PATH, Population, Realm, backend, self_signed_material, suspended
from wardgate.dataplane.compile import Inputs, Mapped, compile_resources
from wardgate.dataplane.publish import LARGEST_OVERLAY, QUIET_SECONDS
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.security_patterns.snapshot import APIKey, Snapshot

SMALL: Final = Population(applications=10, systems=10, revoked_tokens=10)
LARGE: Final = Population(applications=5_000, systems=20_000, revoked_tokens=10_000)
CALLERS: Final = 10
"""How many different callers are heard, in both worlds."""
SWAPS: Final = 20
CHANGED_IN_A_SWAP: Final = LARGEST_OVERLAY + 100
"""More than the overlay shall hold, so the whole map is made anew at once."""
OFFSETS_SECONDS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5)
"""How long after the start of a swap the urgent change comes."""
FOLD_OFFSETS_SECONDS: Final = (0.0, 0.2, 0.4, 0.6, 0.8)
"""How long after the start of a fold."""


def swapped(snapshot: Snapshot) -> Snapshot:
    """Return the next snapshot, with so many applications changed that the map must be made anew: what they had they lose, or get back."""
    clients = dict(snapshot.clients)
    for name in list(clients)[-CHANGED_IN_A_SWAP:]:
        clients[name] = replace(clients[name], apis=clients[name].apis ^ {"records"})
    return replace(snapshot, generation=snapshot.generation + 1, clients=clients)


@contextlib.contextmanager
def planes(directory: Path) -> Iterator[tuple[tuple[Realm, Plane], tuple[Realm, Plane], TLSMaterial]]:
    """Run the small world and the large one."""
    tls = self_signed_material()
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(backend(directory, free_ports(1)[0]))
        found = []
        for name, population in (("small", SMALL), ("large", LARGE)):
            realm = Realm(population, url)
            found.append((realm, stack.enter_context(running(directory / name, realm.snapshot(), tls))))
        yield found[0], found[1], tls


def latencies(directory: Path, both: Sequence[tuple[Realm, Plane]], rounds: int) -> list[Verdict]:
    """Compare p99 and CPU per request of the two worlds, at the same moderate load."""
    found: dict[tuple[str, str], Runs] = {}
    lists = {}
    for realm, plane in both:
        keys, tokens = directory / f"keys-{plane.pid}", directory / f"tokens-{plane.pid}"
        step = max(1, realm.population.applications // CALLERS)
        chosen = range(0, realm.population.applications, step)
        keys.write_text("".join(f"{realm.key(number)}\n" for number in chosen))
        tokens.write_text("".join(f"Bearer {realm.token(number)}\n" for number in chosen))
        lists[plane.pid] = {"api-key": (KEY_PATH, "apikey", keys), "signed-jwt": (JWT_PATH, "Authorization", tokens)}
    for number in range(rounds + 1):
        for pattern in ("api-key", "signed-jwt"):
            for size, (_, plane) in zip(("10", "20,000"), both, strict=True):
                path, header, values = lists[plane.pid][pattern]
                run = wrk(f"https://127.0.0.1:{plane.layout.https_port}", SCRIPT, 2 if number else 1, 8, [plane.pid], [path, header, str(values), REQUEST_ID])
                if run.refused:
                    raise RuntimeError(f"{run.refused} requests of {pattern} were refused in the world of {size}")
                if number:
                    found.setdefault((pattern, size), Runs()).runs.append(run)
    table(["pattern", "systems", "CPU µs/request", "requests/s", "p50 ms", "p99 ms"],
          [[*key, runs.median("cpu_us"), runs.median("per_second"), runs.median("p50_ms"), runs.median("p99_ms")] for key, runs in found.items()])

    def paired(pattern: str, figure: str) -> float:
        pairs = zip(found[pattern, "10"].runs, found[pattern, "20,000"].runs, strict=True)
        return statistics.median(getattr(large, figure) / getattr(small, figure) for small, large in pairs)

    return [Verdict(f"{pattern}: p99 with 20,000 systems, to 10", paired(pattern, "p99_ms"), 1.10, " x", note=f"CPU {paired(pattern, 'cpu_us'):.2f} x")
            for pattern in ("api-key", "signed-jwt")]


async def _seen_after(realm: Realm, plane: Plane, snapshot: Snapshot, tls: TLSMaterial, caller: int) -> float:
    """Suspend an application and return the seconds from the call of `publish` to its first refusal on an open connection."""
    connection, headers = Connection(plane.layout.https_port, context()), {"apikey": realm.key(caller)}
    if await connection.get(KEY_PATH, headers) != 200:
        raise RuntimeError("the caller was refused before its suspension")
    began = time.monotonic()
    published = plane.begin(plane.publisher.publish(suspended(snapshot, realm.application(caller), snapshot.generation + 1), tls, datetime.now(UTC)))
    seen = await seconds_until(lambda status: status != 200, connection, KEY_PATH, headers)
    await asyncio.wrap_future(published)
    connection.close()
    return seen - began


async def _admitted_after(plane: Plane, snapshot: Snapshot, tls: TLSMaterial, key: str) -> float:
    """Publish a snapshot with a new application and return the seconds until its key is admitted on an open connection."""
    connection, headers = Connection(plane.layout.https_port, context()), {"apikey": key}
    if await connection.get(KEY_PATH, headers) == 200:
        raise RuntimeError("the caller was admitted before it was there")
    began = time.monotonic()
    published = plane.begin(plane.publisher.publish(snapshot, tls, datetime.now(UTC)))
    seen = await seconds_until(lambda status: status == 200, connection, KEY_PATH, headers)
    await asyncio.wrap_future(published)
    connection.close()
    return seen - began


def with_new_application(snapshot: Snapshot, like: str, name: str, key: str) -> Snapshot:
    """Return the next snapshot, in which there is an application more, with a key and limits of its own."""
    clients = dict(snapshot.clients) | {name: replace(snapshot.clients[like], name=name, certificate_name=f"{name}.bench.thirdparty.nhs.uk")}
    names = dict(snapshot.certificate_names) | {f"{name}.bench.thirdparty.nhs.uk": name}
    keys = dict(snapshot.api_keys) | {key: APIKey(f"credential-{name}", key, name)}
    return replace(snapshot, generation=snapshot.generation + 1, clients=clients, certificate_names=names, api_keys=keys)


def changes(realm: Realm, plane: Plane, tls: TLSMaterial) -> tuple[list[Verdict], Snapshot]:
    """Measure one urgent change and one new application alone, and a change at several moments of a swap, and at several moments of a fold."""
    current = realm.snapshot(2)
    alone: list[float] = []
    for number in range(5):
        alone.append(asyncio.run(_seen_after(realm, plane, current, tls, number)))
        current = suspended(current, realm.application(number), current.generation + 1)
        plane.wait_confirmed()
    new: list[float] = []
    for number in range(3):
        key = f"bench-new-key-{number:05d}-0123456789abcdef"
        current = with_new_application(current, realm.application(number + 50), f"new-{number}", key)
        new.append(asyncio.run(_admitted_after(plane, current, tls, key)))
        plane.wait_confirmed()
    during: dict[float, float] = {}
    for number, offset in enumerate(OFFSETS_SECONDS):
        plane.wait_folded()
        current = swapped(current)
        swap = plane.begin(plane.publisher.publish(current, tls, datetime.now(UTC)))
        time.sleep(offset)
        during[offset] = asyncio.run(_seen_after(realm, plane, current, tls, 100 + number))
        current = suspended(current, realm.application(100 + number), current.generation + 1)
        swap.result(120)
    folding: dict[float, float] = {}
    for number, offset in enumerate(FOLD_OFFSETS_SECONDS):
        plane.wait_folded()
        plane.publish(suspended(current, realm.application(200 + number), current.generation + 1), tls)
        current = suspended(current, realm.application(200 + number), current.generation + 1)
        _wait_begun(plane)
        time.sleep(offset)
        folding[offset] = asyncio.run(_seen_after(realm, plane, current, tls, 300 + number))
        current = suspended(current, realm.application(300 + number), current.generation + 1)
    plane.wait_folded()
    print("a change is seen after (s):", ", ".join(f"{one:.2f}" for one in alone))
    print("a new application is admitted after (s):", ", ".join(f"{one:.2f}" for one in new))
    print("a change during a swap of the map begun so much earlier:", ", ".join(f"{offset:.1f} s earlier: {one:.2f}" for offset, one in during.items()))
    print("… during a fold of the overlay into the map:", ", ".join(f"{offset:.1f} s earlier: {one:.2f}" for offset, one in folding.items()))
    return [
        Verdict("a change to one application in force on an open connection", max(alone), 1.0, " s"),
        Verdict("a new application admitted on an open connection", max(new), 1.0, " s"),
        Verdict("a change while the whole map is being swapped, worst", max(during.values()), 1.0, " s"),
        Verdict("the same while the overlay is folded into the map, worst", max(folding.values()), 1.0, " s"),
    ], current


def _wait_begun(plane: Plane) -> None:
    """Return when the overlay begins to be folded. Raises `TimeoutError`."""
    deadline = time.monotonic() + 4 * QUIET_SECONDS
    while not plane.publisher.making():
        if time.monotonic() > deadline:
            raise TimeoutError("the overlay was not folded, so nothing can be measured")
        time.sleep(0.005)


def recompile_seconds(plane: Plane, snapshot: Snapshot, tls: TLSMaterial) -> float:
    """Return how long a compilation of everything takes, nothing kept from before."""
    began = time.monotonic()
    compile_resources(Inputs(snapshot, (Mapped.of(snapshot),), Mapped.of(snapshot), tls, plane.layout, datetime.now(UTC), "bench-secret"), {})
    return time.monotonic() - began


def swaps(plane: Plane, current: Snapshot, tls: TLSMaterial) -> float:
    """Swap the whole map again and again and return Envoy's memory afterwards, in MB."""
    for _ in range(SWAPS):
        current = swapped(current)
        plane.publish(current, tls)
        plane.wait_folded()
    return resident_megabytes(plane.pid)


def measure(rounds: int = 5) -> list[Verdict]:
    """Measure everything and return the promises. Raises `Missing` without wrk or nginx."""
    program("wrk")
    pin_self()
    with tempfile.TemporaryDirectory(prefix="wardgate-bench-") as temporary, planes(Path(temporary)) as (small, large, tls):
        found = latencies(Path(temporary), (small, large), rounds)
        realm, plane = large
        compiled = statistics.median(recompile_seconds(plane, realm.snapshot(3), tls) for _ in range(3))
        changed, current = changes(realm, plane, tls)
        memory = swaps(plane, current, tls)
    return [*found, *changed, Verdict("a full recompile", compiled, 5.0, " s"), Verdict(f"Envoy's memory after {SWAPS} swaps of the map", memory, 300.0, " MB")]


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    verdicts(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
