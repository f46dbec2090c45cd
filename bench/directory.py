"""Look-ups in the system directory: both faces, in this process, on one core, over 20,000 systems with 10 interactions each.

The national directory lets an application ask 2,400 times a minute; the promise is ten times that. Counted is this process's
CPU time: for FHIR from the request's first byte in ASGI to the answer's last, for LDAP from the message to the result over a socket.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any, Final
from urllib.parse import quote

from pyasn1.codec.ber import encoder

from bench.report import Verdict, table, verdicts
from wardgate.directory import AccreditedSystem, Directory, Endpoint
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.onboarding import take_over
from wardgate.ldap import Content, LDAPServer, LDAPSettings, asn1
from wardgate.sds import SDSSettings, create_app
from wardgate.sds.query import INTERACTION, ODS, PARTY_KEY

SYSTEMS: Final = 20_000
INTERACTIONS: Final = 10
NATIONAL_PER_MINUTE: Final = 2_400
TARGET_PER_SECOND: Final = 10 * NATIONAL_PER_MINUTE / 60
LOOK_UPS: Final = 3_000
ROUNDS: Final = 3
_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_ROLE: Final = "uniqueIdentifier=555000000101,uniqueIdentifier=555000000102,uid=555000000103,ou=people,o=nhs"
_STAMP: Final = "20260101090000"


def _interaction(number: int) -> str:
    return f"urn:nhs:names:services:example:Resource.operation-{number}:1"


def _code(number: int) -> str:
    return f"Z{number % (SYSTEMS // 2):05}"


def _party_key(number: int) -> str:
    return f"{_code(number)}-{850_000 + number}"


def _system(number: int) -> AccreditedSystem:
    return AccreditedSystem(
        asid=f"{200_000_100_000 + number}", organisation=_code(number), party_key=_party_key(number), clients=(_code(number),), manufacturer="Z9S99",
        interactions=tuple(map(_interaction, range(INTERACTIONS))), requestor=_ROLE, requested_at=_STAMP, approver=_ROLE, approved_at=_STAMP,
    )  # fmt: skip


def _endpoint(number: int) -> Endpoint:
    host = f"s{number}.example.thirdparty.nhs.uk"
    return Endpoint(
        identifier=f"S{number:012}", cpa_id=f"S{number:012}", organisation=_code(number), party_key=_party_key(number), interaction=_interaction(0),
        service="urn:nhs:names:services:example", interaction_name="Resource.operation-0:1", urls=(f"https://{host}/STU3/1",), fqdn=host, template_key="1",
        interaction_type="FHIR", authenticated="none", product_key="1", requestor=_ROLE, requested_at=_STAMP, approver=_ROLE, approved_at=_STAMP,
        dns_approver=_ROLE, dns_approved_at=_STAMP, sync_reply_mode="None", ack_requested="never",
    )  # fmt: skip


def directory(systems: int = SYSTEMS) -> Directory:
    """Return a directory of so many live systems, each with an endpoint."""
    made = tuple(map(_system, range(systems)))
    return Directory(systems=made, endpoints=tuple(map(_endpoint, range(systems))), enrolments=tuple(take_over(one.asid, "bench", by="bench", at=_AT) for one in made))


@dataclass(frozen=True, slots=True)
class Rate:
    """How many look-ups a second of one core's time is worth."""

    what: str
    per_second: float


async def fhir(index: DirectoryIndex, count: int) -> Iterator[Rate]:
    """Time the FHIR face. Raises `RuntimeError` when it does not find what is there."""

    async def current() -> DirectoryIndex:
        return index

    app = create_app(current, SDSSettings(), lambda: "https://localhost:8443")
    queries = {
        "FHIR Device, by organisation and interaction": [
            f"organization={quote(f'{ODS}|{_code(number)}')}&identifier={quote(f'{INTERACTION}|{_interaction(number % INTERACTIONS)}')}" for number in range(500)],
        "FHIR Endpoint, by interaction and party key": [
            f"identifier={quote(f'{INTERACTION}|{_interaction(0)}')}&identifier={quote(f'{PARTY_KEY}|{_party_key(number)}')}" for number in range(500)],
    }  # fmt: skip
    found = []
    for what, asked in queries.items():
        kind = what.split()[1].strip(",")
        found.append(await _timed(what, count, [lambda query=query, kind=kind: _asgi(app, kind, query) for query in asked]))  # type: ignore[misc]
    return iter(found)


async def _asgi(app: Any, kind: str, query: str) -> None:
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        parts.append(message.get("body", b""))

    path = f"/spine-directory/FHIR/R4/{kind}"
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "path": path, "raw_path": path.encode(), "root_path": "",
             "scheme": "http", "query_string": query.encode(), "headers": [(b"host", b"localhost")], "server": ("localhost", 80), "client": ("127.0.0.1", 1)}  # fmt: skip
    await app(scope, receive, send)
    if f'"resourceType":"{kind}"'.encode() not in b"".join(parts):
        raise RuntimeError("a look-up did not find what is there")


async def ldap(index: DirectoryIndex, count: int) -> Rate:
    """Time the LDAP face over one connection, both ends of it in this process. Raises `RuntimeError` when it does not find what is there."""
    server = LDAPServer(lambda: Content(index), LDAPSettings())
    where = socket.create_server(("127.0.0.1", 0))
    await server.listen(where)
    reader, writer = await asyncio.open_connection(*where.getsockname())

    async def search(message: bytes) -> None:
        writer.write(message)
        found, done = 0, False
        while not done:
            head = await reader.readexactly(2)
            length = head[1] if head[1] < 0x80 else int.from_bytes(await reader.readexactly(head[1] - 0x80), "big")
            body = await reader.readexactly(length)
            done = body[3] == 0x65
            found += not done
        if not found:
            raise RuntimeError("a search did not find what is there")

    asked = [_search(_code(number), _interaction(0)) for number in range(500)]
    try:
        return await _timed("LDAP, by organisation, class and interaction", count, [lambda message=message: search(message) for message in asked])  # type: ignore[misc]
    finally:
        writer.close()
        await server.stop()


def _search(code: str, interaction: str) -> bytes:
    tests = b"".join(_equal(name, value) for name, value in (("nhsIDCode", code), ("objectClass", "nhsMhs"), ("nhsMhsSvcIA", interaction)))
    asked = asn1.SearchRequest()
    asked["baseObject"], asked["scope"], asked["derefAliases"] = b"ou=services,o=nhs", 2, 0
    asked["sizeLimit"], asked["timeLimit"], asked["typesOnly"], asked["filter"] = 0, 0, False, b"\xa0\x81" + bytes([len(tests)]) + tests
    asked["attributes"].extend([b"nhsMHSEndPoint", b"nhsMHSPartyKey"])
    message = asn1.Message()
    message["messageID"], message["protocolOp"] = 1, encoder.encode(asked)
    return bytes(encoder.encode(message))


def _equal(name: str, value: str) -> bytes:
    inside = b"".join(bytes([4, len(text)]) + text.encode() for text in (name, value))
    return bytes([0xA3, len(inside)]) + inside


async def _timed(what: str, count: int, asked: list[Callable[[], Awaitable[None]]]) -> Rate:
    """Return the best of some rounds: others use the machine too."""
    best = 0.0
    for _ in range(ROUNDS):
        began = time.process_time()
        for one in islice(cycle(asked), count):
            await one()
        best = max(best, count / (time.process_time() - began))
    return Rate(what, best)


def rates(systems: int = SYSTEMS, count: int = LOOK_UPS) -> list[Rate]:
    """Time both faces over a directory of so many systems."""
    index = DirectoryIndex(directory(systems))

    async def both() -> list[Rate]:
        return [*await fhir(index, count), await ldap(index, count)]

    return asyncio.run(both())


def measure() -> list[Verdict]:
    """Measure, and print what was found."""
    found = rates()
    table(["look-up", "per second of one core", "a minute", "× national"], [[one.what, one.per_second, one.per_second * 60, one.per_second * 60 / NATIONAL_PER_MINUTE] for one in found])
    return [Verdict(one.what, one.per_second, TARGET_PER_SECOND, "/s", at_least=True, note=f"{SYSTEMS:,} systems") for one in found]


if __name__ == "__main__":
    raise SystemExit(0 if verdicts(measure()) else 1)
