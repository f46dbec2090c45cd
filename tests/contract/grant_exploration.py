"""Every interleaving of two clients on two nodes, with a crash, the passing of time and the end of a grant in between.

A client's request is a look and then a step, each atomic, at its node. A crash is put before a step (nothing was done) or
after it (it was done, but its answer is lost); the client then goes to the other node. The stores are real: each step is
carried out on the database in the state in which it is met, once per state of the database, and its answer is compared
with that of `grant_model`.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from contract.grant_model import Answer, Model, Op, Token
from contract.grant_steps import NHS, STRICT, Profile, redemption, rotation, said, start
from wardgate.stores import Stores
from wardgate.stores.ports import Rotated, RotationOutcome

CLOCK = (0, 5, 400, 3_700)
"""Seconds: the beginning, within the grace, after it (and after the code's life), and after the grant's."""
TABLES = ("grants", "authorization_codes", "refresh_tokens", "single_uses", "generation")
PROFILES = {profile.name: profile for profile in (NHS, STRICT)}


def perform(stores: Stores, profile: Profile, op: Op, seconds: int, begin: Any) -> Answer:
    """Carry out one atomic step on a node, and return its answer in the words of the model."""
    now = begin + timedelta(seconds=seconds)
    kind, item, *more = op
    if kind == "look":
        what, name = item, more[0]
        good = {
            "t": lambda: stores.grants.refresh_token(f"hash-{name}") is not None,
            "c": lambda: stores.grants.code(f"hash-{name}", now) is not None,
            "j": lambda: not stores.single_uses.seen("assertion:c-1", name),
        }[what]()
        return ("good" if good else "refused",)
    if kind == "start":
        (first,) = stores.grants.start([start(profile, begin, grant_id=more[0], refresh=more[1], jti=item)])
        return ("started", more[1]) if first else ("refused",)
    if kind == "redeem":
        (grant,) = stores.grants.redeem([redemption(profile, now, item, more[0])])
        return ("redeemed", more[0]) if grant is not None else ("refused",)
    if kind == "end":
        stores.grants.end([item], now, said(now, "ended"))
        return ("over",)
    (rotated,) = stores.grants.rotate([rotation(profile, now, item, more[0])])
    return _answer(rotated, profile)


def _answer(rotated: Rotated, profile: Profile) -> Answer:
    if rotated.outcome in {RotationOutcome.ROTATED, RotationOutcome.REPEATED}:
        assert rotated.token is not None
        name = rotated.token.hash.removeprefix("hash-")
        assert rotated.token.text == (f"text-{name}" if profile.grace else None)
        return rotated.outcome.value, name, rotated.token.count
    assert rotated.token is None
    return ("ended",) if rotated.ended else (rotated.outcome.value,)


@dataclass(frozen=True)
class Client:
    """A client: what it holds, what is under way for it, and how many requests it may still make."""

    name: str
    node: int
    left: int
    held: tuple[tuple[str, str], ...]
    """(kind, name) of what it may present: an assertion, a code, its oldest and its newest token."""
    under_way: tuple[str, str] | None = None
    made: int = 0

    def request(self, item: tuple[str, str]) -> "Client":
        return replace(self, left=self.left - 1, under_way=item)

    def answered(self, answer: Answer) -> "Client":
        """Keep the token of a good answer: the first and the newest."""
        client = replace(self, under_way=None)
        if answer[0] not in {"started", "redeemed", "rotated", "repeated"}:
            return client
        tokens = [item for item in self.held if item[0] == "t"]
        others = tuple(item for item in self.held if item[0] != "t")
        return replace(client, held=(*others, *dict.fromkeys([*tokens[:1], ("t", answer[1])])))

    def crashed(self) -> "Client":
        return replace(self, under_way=None, node=1 - self.node)


@dataclass(frozen=True)
class World:
    """One state of everything."""

    database: int
    clock: int
    clients: tuple[Client, Client]
    model: Model
    crashes: int = 1
    ends: int = 1


@dataclass(frozen=True)
class Move:
    """One step of a trace: who did what, whether its answer was lost, and the answer."""

    who: str
    op: Op
    answer: Answer = ()
    note: str = ""

    def __str__(self) -> str:
        parts = [self.who, *map(str, self.op), "->", *map(str, self.answer)] if self.answer else [self.who, *map(str, self.op)]
        return " ".join(parts) + (f" ({self.note})" if self.note else "")


class Database:
    """The states of a SQLite database that were met, and what each step did in each of them."""

    def __init__(self, path: str, nodes: Sequence[Stores], profile: Profile, begin: Any) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous=OFF")
        self.nodes, self.profile, self.begin = nodes, profile, begin
        self.numbers: dict[Any, int] = {}
        self.rows: list[list[list[tuple[Any, ...]]]] = []
        self.done: dict[Any, tuple[Answer, int, int]] = {}
        self.at = self.note()

    def note(self) -> int:
        """Return the number of the state the database is in; what is sealed counts as there or not there."""
        rows = [self.connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES]
        key = tuple(tuple(tuple(_plain(value) for value in row) for row in table) for table in rows)
        if key not in self.numbers:
            self.numbers[key] = len(self.rows)
            self.rows.append(rows)
        self.at = self.numbers[key]
        return self.at

    def step(self, number: int, node: int, op: Op, seconds: int) -> tuple[Answer, int, int]:
        """Return the answer, the state afterwards, and how many events were recorded."""
        key = (number, node, op, seconds)
        if key not in self.done:
            if self.at != number:
                self._restore(number)
            before = self._recorded()
            answer = perform(self.nodes[node], self.profile, op, seconds, self.begin)
            self.done[key] = (answer, self.note(), self._recorded() - before)
        return self.done[key]

    def generation(self, number: int) -> int:
        return int(self.rows[number][TABLES.index("generation")][0][1])

    def ended(self, number: int) -> frozenset[str]:
        return frozenset(row[0] for row in self.rows[number][0] if row[7] is not None)

    def crash(self, node: int) -> None:
        """A node that starts again has nothing but the database."""
        self.nodes[node].close()

    def close(self) -> None:
        """End every connection."""
        self.connection.close()
        for node in self.nodes:
            node.close()

    def _recorded(self) -> int:
        return int(self.connection.execute("SELECT seq FROM audit_head").fetchone()[0])

    def _restore(self, number: int) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        for table, rows in zip(TABLES, self.rows[number], strict=True):
            self.connection.execute(f"DELETE FROM {table}")
            if rows:
                marks = ",".join("?" * len(rows[0]))
                self.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        self.connection.execute("COMMIT")


def _plain(value: Any) -> Any:
    return "sealed" if isinstance(value, bytes) and len(value) > 16 else value


def beginning(scene: str, profile: Profile) -> tuple[Model, tuple[tuple[str, str], ...]]:
    """Return what is known at first, and what both clients hold."""
    model = Model(profile.grace, profile.ends_family)
    if scene == "assertion":
        return model, (("j", "j"),)
    if scene == "code":
        return replace(model, codes=(("c", ("g", False)),), grants=frozenset("g")), (("c", "c"),)
    return replace(model, tokens=(("t", Token("g", 0)),), grants=frozenset("g")), (("t", "t"),)


def prepare(stores: Stores, scene: str, profile: Profile, begin: Any) -> None:
    """Bring the store to that beginning."""
    if scene == "code":
        stores.grants.start([start(profile, begin, code="c")])
    elif scene == "token":
        stores.grants.start([start(profile, begin, refresh="t")])


@dataclass(frozen=True)
class Explored:
    """What an exploration met: how many states and steps, and the shortest way to each kind of answer."""

    states: int
    steps: int
    traces: dict[tuple[Any, ...], tuple[Move, ...]]
    """By kind of step, kind of answer, who had used the thing before, whether a node had crashed, and how a grant had ended."""


def explore(database: Database, scene: str, requests: tuple[int, int]) -> Explored:
    """Visit every state, nearest first; each step is compared with the model on the way."""
    model, held = beginning(scene, database.profile)
    clients = (Client("A", 0, requests[0], held), Client("B", 1, requests[1], held))
    first = World(database.at, 0, clients, model)
    came: dict[World, tuple[World, Move] | None] = {first: None}
    traces: dict[tuple[Any, ...], tuple[Move, ...]] = {}
    waiting = deque([first])
    steps = 0
    while waiting:
        world = waiting.popleft()
        for move, after in _moves(database, world):
            steps += 1
            if move.answer and not move.note:
                kind = (move.op[0], move.answer[0], _user(world.model, move), world.crashes == 0, _how_ended(world))
                if kind not in traces:
                    traces[kind] = (*_trace(came, world), move)
            if after not in came:
                came[after] = (world, move)
                waiting.append(after)
    return Explored(len(came), steps, traces)


def _user(model: Model, move: Move) -> str:
    """Return who had used a token or a code before this step: its client itself, the other, or nobody."""
    successor: str | None = None
    if move.op[0] == "rotate":
        token = dict(model.tokens).get(move.op[1])
        successor = None if token is None else token.successor
    elif move.op[0] == "redeem" and dict(model.codes)[move.op[1]][1]:
        successor = next(name for name, token in model.tokens if token.count == 0)
    return "nobody" if successor is None else "itself" if successor[0] == move.who else "the other"


def _how_ended(world: World) -> str:
    if not world.model.ended:
        return "not"
    return "by a second use" if world.ends else "by the user"


def _trace(came: dict[World, tuple[World, Move] | None], world: World) -> tuple[Move, ...]:
    moves: list[Move] = []
    while (before := came[world]) is not None:
        world = before[0]
        moves.append(before[1])
    return tuple(reversed(moves))


def _moves(database: Database, world: World) -> Iterator[tuple[Move, World]]:
    """Yield every move that is possible, and where it leads."""
    for which, client in enumerate(world.clients):
        if client.under_way is None:
            yield from _requests(database, world, which, client)
        else:
            yield from _decisions(database, world, which, client, client.under_way)
    if world.clock + 1 < len(CLOCK):
        yield Move("time", ("is", CLOCK[world.clock + 1])), replace(world, clock=world.clock + 1)
    if world.ends:
        for grant in sorted(world.model.grants - world.model.ended):
            answer, after = _checked(database, world, 0, ("end", grant))
            yield Move("logout", ("end", grant), answer), replace(after, ends=world.ends - 1)


def _requests(database: Database, world: World, which: int, client: Client) -> Iterator[tuple[Move, World]]:
    """A request begins with a look, which may only refuse."""
    if client.left == 0:
        return
    own = [("j", f"j{client.name}")] if any(kind == "j" for kind, _ in client.held) else []
    for item in (*client.held, *own):
        op = ("look", *item)
        answer, after = _checked(database, world, client.node, op)
        asked = client.request(item)
        yield Move(client.name, op, answer), _with(after, which, asked if answer == ("good",) else asked.answered(answer))


def _decisions(
    database: Database, world: World, which: int, client: Client, item: tuple[str, str]
) -> Iterator[tuple[Move, World]]:
    """The step itself; or a crash before it; or a crash before its answer is sent."""
    kind, name = item
    new = f"{client.name}{client.made}"
    op: Op = {"t": ("rotate", name, new), "c": ("redeem", name, new), "j": ("start", name, f"g{new}", new)}[kind]
    made = replace(client, made=client.made + 1)
    answer, after = _checked(database, world, client.node, op)
    yield Move(client.name, op, answer), _with(after, which, made.answered(answer))
    if world.crashes:
        database.crash(client.node)
        yield Move(client.name, op, (), "crash before"), replace(_with(world, which, client.crashed()), crashes=0)
        yield Move(client.name, op, answer, "answer lost"), replace(_with(after, which, made.crashed()), crashes=0)


def _with(world: World, which: int, client: Client) -> World:
    others = list(world.clients)
    others[which] = client
    return replace(world, clients=(others[0], others[1]))


def _checked(database: Database, world: World, node: int, op: Op) -> tuple[Answer, World]:
    """Take the step in the store and in the model: the answers, the events, the generation and the ends agree."""
    seconds = CLOCK[world.clock]
    answer, number, recorded = database.step(world.database, node, op, seconds)
    expected, model = world.model.step(op, seconds)
    assert answer == expected, f"{op} at {seconds} s: {answer}, not {expected}"
    assert recorded == model.events - world.model.events, f"{op}: {recorded} events"
    assert database.generation(number) == model.generation, op
    assert database.ended(number) == model.ended, op
    return answer, replace(world, database=number, model=model)
