"""Two nodes and many threads at once on sign-ins: one wins, nobody waits for ever, and the chain stays one."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from contract.grant_steps import NHS, STRICT, Profile, redemption, rotation, start
from wardgate.audit import Event
from wardgate.audit.chain import verify
from wardgate.keystores import Sealer
from wardgate.stores import open_stores

PROFILES = pytest.mark.parametrize("profile", [NHS, STRICT], ids=lambda profile: profile.name)


def later(now: datetime, seconds: float) -> datetime:
    """So many seconds after."""
    return now + timedelta(seconds=seconds)


@PROFILES
@pytest.mark.parametrize("what", ["code", "token"])
def test_of_many_at_once_on_two_nodes_one_wins(url: str, sealer: Sealer, now: datetime, profile: Profile, what: str) -> None:
    """Eight threads, four on each of two nodes, use the same thing at the same moment, many times over."""
    nodes = [open_stores(url, sealer) for _ in range(2)]
    rounds, racers = 12, 8
    # What a strict client does to its own parallel calls must not end the family here.
    gentle = replace(profile, ends_family=False)
    nodes[0].grants.start([start(gentle, now, grant_id=f"g{number}", **{"code" if what == "code" else "refresh": f"t{number}"}) for number in range(rounds)])
    barrier = threading.Barrier(racers)
    answers: list[list[Any]] = [[None] * racers for _ in range(rounds)]

    def race(racer: int) -> None:
        for number in range(rounds):
            barrier.wait(30)
            store = nodes[racer % 2].grants
            if what == "code":
                answers[number][racer] = store.redeem([redemption(gentle, now, f"t{number}", f"r{number}-{racer}")])[0]
            else:
                answers[number][racer] = store.rotate([rotation(gentle, now, f"t{number}", f"r{number}-{racer}")])[0]

    threads = [threading.Thread(target=race, args=(racer,)) for racer in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for answer in answers:
        if what == "code":
            assert sum(one is not None for one in answer) == 1
        else:
            outcomes = sorted(one.outcome.value for one in answer)
            assert outcomes == sorted(["rotated", *["repeated" if profile.grace else "used"] * (racers - 1)])
            assert len({one.token.hash for one in answer if one.token is not None}) == 1
    assert verify(nodes[0].audit.read(0, 1000)).intact
    for node in nodes:
        node.close()


def test_ends_and_rotations_of_two_nodes_do_not_wait_for_each_other_for_ever(url: str, sealer: Sealer, now: datetime, event: Event) -> None:
    """Ends that raise the generation, families that end by reuse, rotations and purges at once: no deadlock, and none refused."""
    nodes = [open_stores(url, sealer) for _ in range(2)]
    nodes[0].grants.start([start(STRICT, now, grant_id=f"g{number}", refresh=f"t{number}") for number in range(40)])
    nodes[0].grants.rotate([rotation(STRICT, now, f"t{number}", f"u{number}") for number in range(40)])
    faults: list[BaseException] = []

    def work(which: int) -> None:
        store = nodes[which % 2].grants
        try:
            for number in range(40):
                if which < 2:
                    store.end([f"g{number}"], now, event)
                elif which < 4:
                    store.rotate([rotation(STRICT, later(now, 60), f"t{number}", f"x{number}-{which}")])
                elif which < 6:
                    store.rotate([rotation(STRICT, later(now, 60), f"u{number}", f"v{number}-{which}")])
                else:
                    store.purge(now)
        except BaseException as fault:  # noqa: BLE001 - told by the assertion below
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert nodes[0].grants.ended(later(now, -1)) == {f"g{number}" for number in range(40)}
    assert verify(nodes[0].audit.read(0, 1000)).intact
    for node in nodes:
        node.close()
