"""All interleavings of two clients on two nodes, a crash, time and an end, on the state machines of sign-ins.

`TRACES` are what the exploration found worth a name: shortest ways to an answer. They are walked again on both databases.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from contract.grant_exploration import PROFILES, Database, explore, perform, prepare
from wardgate.keystores import Sealer
from wardgate.stores import Stores, open_stores

REQUESTS = {"token": (3, 2), "code": (2, 2), "assertion": (2, 1)}
"""How many requests each client may make: all kinds of answers come with these, and more only repeats them."""

TRACES: dict[str, tuple[str, str, str]] = {
    "of two uses one wins, and the family lives": ("token", "nhs", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1; B look t t -> good; B rotate t B0 -> used")),
    "a lost answer loses the token, as on the platform": ("token", "nhs", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1 (answer lost); A look t t -> good; A rotate t A1 -> used")),
    "a crash before the step uses nothing up": ("token", "nhs", (
        "A look t t -> good; A rotate t A0 (crash before); A look t t -> good; A rotate t A0 -> rotated A0 1")),
    "an end between look and step": ("token", "nhs", (
        "A look t t -> good; logout end g -> over; A rotate t A0 -> unknown")),
    "the end of the period between look and step": ("token", "nhs", (
        "A look t t -> good; time is 5; time is 400; time is 3700; A rotate t A0 -> expired")),
    "parallel uses get the same successor": ("token", "strict", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1; B look t t -> good; B rotate t B0 -> repeated A0 1")),
    "a lost answer is given again": ("token", "strict", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1 (answer lost); A look t t -> good; A rotate t A1 -> repeated A0 1")),
    "a lost answer that is asked for too late ends the family": ("token", "strict", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1 (answer lost); A look t t -> good; time is 5; time is 400; "
        "A rotate t A1 -> ended")),
    "a thief that is late ends the family": ("token", "strict", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1; B look t t -> good; time is 5; time is 400; B rotate t B0 -> ended")),
    "what the thief has not used ends with the rest": ("token", "strict", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1; A look t A0 -> good; B look t t -> good; time is 5; time is 400; "
        "B rotate t B0 -> ended; A rotate A0 A1 -> unknown")),
    "a successor that was used is not given out": ("token", "strict", (
        "A look t t -> good; A rotate t A0 -> rotated A0 1; A look t A0 -> good; A rotate A0 A1 -> rotated A1 2; "
        "B look t t -> good; B rotate t B0 -> used")),
    "of two redemptions one wins": ("code", "nhs", (
        "A look c c -> good; A redeem c A0 -> redeemed A0; B look c c -> good; B redeem c B0 -> refused")),
    "a code is over between look and step": ("code", "nhs", (
        "A look c c -> good; time is 5; time is 400; A redeem c A0 -> refused")),
    "a second use of a code takes back what the first gave": ("code", "strict", (
        "A look c c -> good; A redeem c A0 -> redeemed A0; A look t A0 -> good; B look c c -> good; B redeem c B0 -> refused; "
        "A rotate A0 A1 -> unknown")),
    "of two uses of an assertion one wins": ("assertion", "nhs", (
        "A look j j -> good; B look j j -> good; A start j gA0 A0 -> started A0; B start j gB0 B0 -> refused")),
    "a lost answer has used the assertion up": ("assertion", "nhs", (
        "A look j j -> good; A start j gA0 A0 -> started A0 (answer lost); A look j j -> refused")),
    "the end of one grant leaves the other": ("assertion", "nhs", (
        "A look j j -> good; A start j gA0 A0 -> started A0; A look t A0 -> good; B look j jB -> good; "
        "B start jB gB0 B0 -> started B0; logout end gB0 -> over; A rotate A0 A1 -> rotated A1 1")),
}


@pytest.mark.parametrize("profile_name", ["nhs", "strict"])
@pytest.mark.parametrize("scene", ["token", "code", "assertion"])
def test_every_state_answers_as_the_model_says(tmp_path: Path, sealer: Sealer, now: datetime, scene: str, profile_name: str) -> None:
    """Every step from every state is compared; the shortest ways to each answer are those that have names."""
    nodes = [open_stores(f"sqlite:///{tmp_path}/wardgate.db", sealer, synchronous="normal") for _ in range(2)]
    prepare(nodes[0], scene, PROFILES[profile_name], now)
    database = Database(f"{tmp_path}/wardgate.db", nodes, PROFILES[profile_name], now)
    explored = explore(database, scene, REQUESTS[scene])
    database.close()
    print(f"{scene}, {profile_name}: {explored.states} states, {explored.steps} steps, {len(database.rows)} states of the database, "
          f"{len(database.done)} different steps on it, {len(explored.traces)} kinds of answers")
    found = {"; ".join(map(str, trace)) for trace in explored.traces.values()}
    named = {trace for place, profile, trace in TRACES.values() if (place, profile) == (scene, profile_name)}
    assert named <= found
    assert explored.states > 4_000  # an exploration that reaches little proves little


@pytest.fixture
def nodes(url: str, sealer: Sealer) -> Iterator[list[Stores]]:
    """Two nodes on one database."""
    opened = [open_stores(url, sealer) for _ in range(2)]
    yield opened
    for node in opened:
        node.close()


@pytest.mark.parametrize("name", TRACES)
def test_trace(nodes: list[Stores], now: datetime, name: str) -> None:
    """Each named trace gives the same answers on both databases."""
    scene, profile_name, trace = TRACES[name]
    profile = PROFILES[profile_name]
    prepare(nodes[0], scene, profile, now)
    seconds, at_node = 0, {"A": 0, "B": 1, "logout": 0}
    for line in trace.split("; "):
        text, _, note = line.removesuffix(")").partition(" (")
        asked, _, answer = text.partition(" -> ")
        who, *op = asked.split()
        if who == "time":
            seconds = int(op[1])
            continue
        if note != "crash before":
            assert " ".join(map(str, perform(nodes[at_node[who]], profile, tuple(op), seconds, now))) == answer, line
        if note:
            nodes[at_node[who]].close()
            at_node[who] = 1 - at_node[who]
