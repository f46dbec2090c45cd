"""Messages one by one: what each kind is answered, what is hung up on, and limits of size, number and time."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from flows.ldap.serving import PRESENT, Served, Wire, content_of, equal, many, message, searching, tlv
from unit.directory.samples import SYSTEM
from wardgate.ldap import Content, LDAPSettings
from wardgate.ldap.results import PAGED_RESULTS

ANONYMOUS = tlv(0x60, tlv(2, b"\x03"), tlv(4), tlv(0x80))
STARTTLS = tlv(0x77, tlv(0x80, b"1.3.6.1.4.1.1466.20037"))
UNBIND = tlv(0x42)
DN = b"uniqueIdentifier=200000100001,ou=Services,o=nhs"


@pytest.fixture
def wire(served: Served) -> Iterator[Wire]:
    """A connection of its own."""
    one = served.connect()
    yield one
    one.close()


READ_ONLY = "the directory is searched here, and nothing else"
NO_EXTENDED = "there are no extended operations: TLS has a port of its own"
ANSWERED = [
    ("an anonymous bind", ANONYMOUS, 0, ""),
    ("version 2", tlv(0x60, tlv(2, b"\x02"), tlv(4), tlv(0x80)), 2, "the version of the protocol is 3"),
    ("a name without a password", tlv(0x60, tlv(2, b"\x03"), tlv(4, b"o=nhs"), tlv(0x80)), 53, "a bind is anonymous: a name without a password proves nothing"),
    ("a password", tlv(0x60, tlv(2, b"\x03"), tlv(4, b"o=nhs"), tlv(0x80, b"secret")), 49, "a bind is simple and anonymous: there are no passwords"),
    ("SASL", tlv(0x60, tlv(2, b"\x03"), tlv(4), tlv(0xA3, tlv(4, b"EXTERNAL"))), 7, "a bind is simple and anonymous"),
    ("StartTLS", STARTTLS, 2, NO_EXTENDED),
    ("who am I", tlv(0x77, tlv(0x80, b"1.3.6.1.4.1.4203.1.11.3")), 2, NO_EXTENDED),
    ("modify", tlv(0x66, tlv(4, DN), tlv(0x30)), 53, READ_ONLY),
    ("add", tlv(0x68, tlv(4, DN), tlv(0x30)), 53, READ_ONLY),
    ("delete", tlv(0x4A, DN), 53, READ_ONLY),
    ("rename", tlv(0x6C, tlv(4, DN), tlv(4, b"uid=1"), tlv(1, b"\xff")), 53, READ_ONLY),
    ("compare", tlv(0x6E, tlv(4, DN), tlv(0x30, tlv(4, b"o"), tlv(4, b"nhs"))), 53, READ_ONLY),
    ("a filter that is none", searching(tlv(0xAA)), 2, "the message is not what its type says"),
    ("a test of nothing", searching(tlv(0xA3, tlv(4, b"o"))), 2, "the message is not what its type says"),
    ("no filter below not", searching(tlv(0xA2)), 2, "the message is not what its type says"),
    ("an empty list of parts", searching(tlv(0xA4, tlv(4, b"o"), tlv(0x30))), 2, "the parts of a value are not in order"),
    ("an end before a beginning", searching(tlv(0xA4, tlv(4, b"o"), tlv(0x30, tlv(0x82, b"a"), tlv(0x80, b"b")))), 2, "the parts of a value are not in order"),
    ("an empty part", searching(tlv(0xA4, tlv(4, b"o"), tlv(0x30, tlv(0x81)))), 2, "the parts of a value are not in order"),
    ("a value that is not UTF-8", searching(equal("nhsIDCode", b"\xff\xfe")), 0, ""),
    ("an attribute that is not UTF-8", searching(tlv(0x87, b"\xff\xfe")), 0, ""),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "code", "diagnostic"), [row[1:] for row in ANSWERED], ids=[row[0] for row in ANSWERED])
def test_an_operation(operation: bytes, code: int, diagnostic: str, wire: Wire) -> None:
    """Each is answered by its own kind of answer, and the connection goes on."""
    wire.send(message(operation, 7))
    assert wire.result() == (7, code, diagnostic)
    wire.send(message(searching(equal("uniqueIdentifier", SYSTEM.asid)), 8))
    assert wire.read() is not None
    assert wire.result()[:2] == (8, 0)


MALFORMED = [
    ("not BER", b"GET / HTTP/1.1\r\n\r\n"),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ("an endless length", b"\x30\x80\x02\x01\x01\x42\x00\x00\x00"),
    ("a length of five bytes", b"\x30\x85\x00\x00\x00\x00\x01"),
    ("a length of 4 GiB", b"\x30\x84\xff\xff\xff\xff"),
    ("one byte more than is allowed", b"\x30\x83\x01\x00\x01" + b"x" * 65_537),
    ("nothing in it", b"\x30\x00"),
    ("no number", b"\x30\x02\x42\x00"),
    ("number 0", message(UNBIND, 0)),
    ("a negative number", tlv(0x30, tlv(2, b"\xff"), UNBIND)),
    ("a number too large", tlv(0x30, tlv(2, b"\x00\x80\x00\x00\x00"), UNBIND)),
    ("an answer", message(tlv(0x61, tlv(10, b"\x00"), tlv(4), tlv(4)))),
    ("an unknown operation", message(tlv(0x7E))),
    ("something behind it", tlv(0x30, tlv(2, b"\x01"), ANONYMOUS, tlv(0xA0), tlv(4))),
    ("a bind without a version", message(tlv(0x60, tlv(4), tlv(0x80)))),
    ("an unbind with content", message(tlv(0x42, b"x"))),
    ("no such scope", message(searching(scope=3))),
    ("a negative size limit", message(searching(size=-1))),
    ("a base that is not UTF-8", message(tlv(0x63, tlv(4, b"\xff"), tlv(10, b"\0"), tlv(10, b"\0"), tlv(2, b"\0"), tlv(2, b"\0"), tlv(1, b"\0"), PRESENT, tlv(0x30)))),
    ("a filter without an end", message(searching(b"\xa0\x0a\x87\x01"))),
    ("an endless value inside", tlv(0x30, tlv(2, b"\x01"), b"\x63\x80" + searching()[2:] + b"\0\0")),
    ("17 controls", message(ANONYMOUS, controls=tuple((f"1.2.{number}", False, b"") for number in range(17)))),
]  # fmt: skip


@pytest.mark.parametrize("data", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_what_is_no_message(data: bytes, wire: Wire) -> None:
    """A notice that the protocol was broken, then the end of the connection (RFC 4511 section 4.4.1)."""
    wire.send(data)
    number, code, diagnostic = wire.result()
    assert (number, code) == (0, 2)
    assert diagnostic
    assert wire.read() is None


def test_an_unbind_ends_it(wire: Wire) -> None:
    """Without an answer."""
    wire.send(message(UNBIND))
    assert wire.read() is None


@pytest.mark.parametrize("controls", [((PAGED_RESULTS, True, b"nonsense"),), ((PAGED_RESULTS, False, b""),)])
def test_a_page_that_is_none(controls: tuple[tuple[str, bool, bytes], ...], wire: Wire) -> None:
    """Ends the search, not the connection."""
    wire.send(message(searching(), 1, controls))
    assert wire.result()[:2] == (1, 2)


def _page(size: int, cookie: bytes = b"") -> tuple[tuple[str, bool, bytes], ...]:
    return ((PAGED_RESULTS, True, tlv(0x30, tlv(2, size.to_bytes(2, "big", signed=True)), tlv(4, cookie))),)


@pytest.mark.parametrize(("controls", "code"), [(_page(0), 53), (_page(-1), 2), (_page(2) * 2, 2), (_page(2, b"made up"), 53)])
def test_a_page_that_cannot_be(controls: tuple[tuple[str, bool, bytes], ...], code: int, wire: Wire) -> None:
    """Pages of nothing, pages twice, and cookies of nobody."""
    wire.send(message(searching(), 1, controls))
    assert wire.result()[:2] == (1, code)


def test_a_cookie_is_for_one_search_of_one_connection(served: Served, wire: Wire) -> None:
    """Not for another search, not on another connection, not after a bind, and not twice."""

    def cookie_of(asked: bytes) -> bytes:
        wire.send(message(asked, 1, _page(2)))
        for _ in range(2):
            wire.read()
        operation = _raw(wire)
        return operation[operation.rindex(b"\x04\x10") + 2 :][:16]

    def tried(asked: bytes, cookie: bytes, through: Wire) -> int:
        through.send(message(asked, 2, _page(2, cookie)))
        return through.result()[1]

    assert tried(searching(size=5), cookie_of(searching()), wire) == 53
    other = served.connect()
    assert tried(searching(), cookie_of(searching()), other) == 53
    other.close()
    kept = cookie_of(searching())
    assert (tried(searching(), kept, wire), tried(searching(), kept, wire)) == (0, 53)
    kept = cookie_of(searching())
    wire.send(message(ANONYMOUS, 3))
    assert wire.result()[:2] == (3, 0)
    assert tried(searching(), kept, wire) == 53


def _raw(wire: Wire) -> bytes:
    """Return the bytes of the next message."""
    head = wire.stream.recv(2, socket.MSG_WAITALL)
    return head + wire.stream.recv(head[1], socket.MSG_WAITALL)


class _SlowContent:
    """Content that is had only when it is let go."""

    def __init__(self, content: Content, seconds: float) -> None:
        self._index, self._seconds = content.index, seconds
        self.organisations = content.organisations

    @property
    def index(self) -> Any:
        """The index, late."""
        time.sleep(self._seconds)
        return self._index



def slow(seconds: float, **settings: Any) -> Served:
    """A server whose searches take so long."""
    return Served(_SlowContent(content_of(), seconds), LDAPSettings(**settings))  # type: ignore[arg-type]


def test_a_search_that_takes_too_long() -> None:
    """Ends by the caller's limit or the server's, whichever is first; the next one is answered."""
    with slow(1.2, search_seconds=0.3).running() as one:
        wire = one.connect()
        wire.send(message(searching(), 1))
        assert wire.result() == (1, 3, "the search takes more than 0.3 s")
        wire.close()
    with slow(1.3).running() as one:
        wire = one.connect()
        wire.send(message(searching(seconds=1), 1))
        assert wire.result() == (1, 3, "the search takes more than 1 s")
        wire.close()


def test_a_search_that_nobody_waits_for_ends() -> None:
    """The largest filter, asked over and over, keeps no thread from the others: with only one of them, the next search is answered."""
    costly = tlv(0xA1, *(tlv(0xA4, tlv(4, b"nhsAsSvcIA"), tlv(0x30, tlv(0x80, b"urn:"), *[tlv(0x81, b"n")] * 8, tlv(0x82, bytes([97 + at % 26])))) for at in range(250)))
    with Served(content_of(many(3_000)), LDAPSettings(search_seconds=1.0, max_searches=1)).running() as one:
        wire = one.connect()
        for number in (1, 2):
            wire.send(message(searching(costly), number))
            assert wire.result()[:2] == (number, 3)
            wire.send(message(searching(scope=0, base="o=nhs"), number + 2))
            wire.read()
            assert wire.result()[:2] == (number + 2, 0)
        wire.close()


def test_too_many_searches_at_once() -> None:
    """One more than is allowed is told that the server is busy; the others are answered. A number in use is no message."""
    with slow(0.3, max_operations=2).running() as one:
        wire = one.connect()
        wire.send(b"".join(message(searching(), number) for number in (1, 2, 3)))
        assert wire.result() == (3, 51, "a connection has at most 2 searches at once")
        assert sorted(wire.result()[:2] for _ in range(2)) == [(1, 0), (2, 0)]
        wire.send(message(searching(), 1) + message(searching(), 1))
        assert wire.result()[:2] == (0, 2)
        wire.close()


def test_an_abandoned_search_is_not_answered() -> None:
    """What comes after it is; so it is with a bind."""
    with slow(0.4).running() as one:
        wire = one.connect()
        wire.send(message(searching(), 1) + message(tlv(0x50, b"\x01"), 2) + message(STARTTLS, 3))
        assert wire.result()[:2] == (3, 2)
        wire.send(message(searching(), 4) + message(ANONYMOUS, 5) + message(tlv(0x50, b"\x09"), 6))
        assert wire.result()[:2] == (5, 0)
        wire.send(message(searching(scope=0, base="o=nhs"), 7))
        wire.read()
        assert wire.result()[:2] == (7, 0)
        wire.close()


def test_too_many_connections() -> None:
    """One more is told so; when one ends there is room again."""
    with Served(content_of(), LDAPSettings(max_connections=2)).running() as one:
        first, second, third = one.connect(), one.connect(), one.connect()
        assert third.result() == (0, 52, "there are 2 connections already")
        assert third.read() is None
        first.send(message(UNBIND))
        assert first.read() is None
        fourth = one.connect()
        fourth.send(message(ANONYMOUS))
        assert fourth.result()[:2] == (1, 0)
        for wire in (first, second, third, fourth):
            wire.close()


def test_a_slow_caller() -> None:
    """Who says nothing, who does not finish a message, and who does not read is hung up on; others are served meanwhile."""
    with Served(content_of(many(1_000)), LDAPSettings(idle_seconds=0.3, message_seconds=0.3, write_seconds=0.3)).running() as one:
        silent, halting, deaf = one.connect(), one.connect(), one.connect()
        halting.send(message(ANONYMOUS)[:-1])
        deaf.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deaf.send(b"".join(message(searching(), number) for number in range(1, 9)))
        assert len(one.ldapsearch("(uniqueIdentifier=S000000000001)")) == 1
        assert (silent.read(), halting.read()) == (None, None)
        server = one.server
        assert server is not None
        deadline = time.monotonic() + 10
        while server.connections and time.monotonic() < deadline:
            time.sleep(0.05)
        assert server.connections == 0
        for wire in (silent, halting, deaf):
            wire.close()
