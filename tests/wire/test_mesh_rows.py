"""Every row of the error tables of the mailbox server, driven through the whole application: whole answers compared, in both versions.

The rows are in `tests/mesh_rows`.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mesh_rows.place import Down, Place, a_place, certificate
from mesh_rows.row import VERSIONS, Call, filled
from mesh_rows.tables import BOMB, CASES, DOWN, ROUTED, ROWS, SMALL
from mesh_rows.tokens import SPOILT
from wardgate.audit.model import EventType
from wardgate.messaging import MeshSettings
from wardgate.refusals import CATALOGUE, Area

SETTINGS = {SMALL: MeshSettings(max_request_bytes=1_000, max_message_bytes=1_500, max_chunks=5, inline_bytes=65_536)}
PARTS: dict[str, dict[str, Any]] = {ROUTED: {"practices": lambda _: ["BOB", "CAROL"]}}

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Run on asyncio."""
    return "asyncio"


class Worlds:
    """A server of each kind, made when the first row asks for it, and what was prepared in it."""

    def __init__(self, directory: Path, new_database: Callable[[Path], str]) -> None:
        self._directory, self._new_database = directory, new_database
        self._open = contextlib.AsyncExitStack()
        self._places: dict[str, tuple[Place, dict[str, str]]] = {}

    async def of(self, world: str) -> tuple[Place, dict[str, str]]:
        """Return the place and the ids in it."""
        if world not in self._places:
            url = self._new_database(self._directory / f"{world}.db")
            place = await self._open.enter_async_context(a_place(url, self._directory / world, SETTINGS.get(world), **PARTS.get(world, {})))
            self._places[world] = (place, await prepare(place, world))
            if world == DOWN:
                object.__setattr__(place.server, "mailboxes", Down())
        return self._places[world]

    async def close(self) -> None:
        """End them."""
        await self._open.aclose()


async def prepare(place: Place, world: str) -> dict[str, str]:
    """Send what rows ask for, and return its ids."""
    kept = {"waiting": await place.sent(), "acknowledged": await place.sent(), "begun": await place.sent(b"x" * 600 if world == SMALL else b"one", Mex_Chunk_Range="1:3")}
    await place.acknowledge(kept["acknowledged"])
    for _ in range(2):
        await place.sent(Mex_LocalID="twice")
    if world != SMALL:
        kept["bomb"] = await place.sent(BOMB, Content_Encoding="gzip")
    return kept


@pytest.fixture(scope="module")
async def worlds(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[Path], str]) -> AsyncIterator[Worlds]:
    """All of them."""
    found = Worlds(tmp_path_factory.mktemp("mailboxes"), new_database)
    yield found
    await found.close()


async def send(place: Place, call: Call, version: int, kept: dict[str, str]) -> httpx2.Response:
    """Send a row's call."""
    given: dict[str, str | None] = {"Accept": VERSIONS[version]} | {name: filled(value, kept) for name, value in call.headers.items()}
    if call.token in SPOILT:
        given["Authorization"] = SPOILT[call.token](place.token, call.who, place.now)
    if call.token == "another certificate":
        given["X-Forwarded-Client-Cert"] = certificate("BOB")
    if call.token == "used":
        given["Authorization"] = place.token(call.who)
        await place.call(call.who, "GET", f"{call.who}/inbox", Authorization=given["Authorization"])
    named = {name.replace("-", "_"): value for name, value in given.items()}
    return await place.call(call.who, call.method, filled(call.path, kept), call.body, **named)


@pytest.mark.parametrize("name", CASES)
async def test_each_row(worlds: Worlds, name: str) -> None:
    """Status, type, headers and the whole body; and the reason in the record, where nothing of the caller's is."""
    row, version = CASES[name]
    place, kept = await worlds.of(row.world)
    seen = place.recorded()
    answer = await send(place, row.call, version, kept)
    row.check(answer, version, kept)
    *_, event = place.record(EventType.MAILBOX_REFUSED, after=seen)
    assert (event["outcome"], event["reason"]) == ("refused", row.reason)
    assert not any(secret in json.dumps(event) for secret in ("9990000018", "SMITH", "NHSMESH A", "NHSMESH B", "password"))


ELSEWHERE = {
    "mesh-body-slow": "it takes time: tests/flows/mesh/test_limits.py",
    "mesh-busy": "it takes several at once: tests/flows/mesh/test_limits.py",
    "mesh-failed": "it takes a fault: tests/flows/mesh/test_limits.py",
}


def test_every_reason_is_met() -> None:
    """A row that is added to the catalogue fails here until a request produces it."""
    wanted = {row.code for row in CATALOGUE.values() if row.area is Area.MESH}
    assert wanted - {row.reason for row in ROWS} == set(ELSEWHERE)


NOT_GIVEN = {
    "15": "CP-IS is no service of Wardgate's", "18": "nor is civil registration", "19": "no header says when a message is to expire",
    "100": "every mailbox is enabled for the API",
}
"""Codes of the published table for what is not here."""
TABLE = {"02", "06", "07", "08", "09", "11", "12", "14", "15", "16", "17", "18", "19", "20", "100", "EPL-150", "EPL-151", "EPL-152",
         "InvalidHeaderChunks", "UnsupportedContentEncoding", "Invalid checksum", "Invalid file format"}
TEXTS = {"Error reading from Authorization header", "Mailbox id does not match token", "Invalid Authentication Token", "Error Duplicated Authentication Token",
         "No mailbox matched", "Request Received from Inactive Mailbox"}


def test_every_code_of_the_table_is_met() -> None:
    """And every text of a 403 (5.1)."""
    said = [row.said for row in ROWS]
    assert TABLE - {getattr(one, "code", None) for one in said} == NOT_GIVEN.keys()
    assert {getattr(row.said, "text", "") for row in ROWS if row.status == 403} >= TEXTS


def test_names_are_unique() -> None:
    """No row hides another."""
    assert len({row.name for row in ROWS}) == len(ROWS)
