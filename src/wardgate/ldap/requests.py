"""What callers ask for: messages as values, from their bytes. What is malformed ends a connection; the rest is judged later."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from wardgate.ldap import asn1
from wardgate.ldap.errors import Malformed

MAX_INTEGER: Final = 2**31 - 1
MAX_CONTROLS: Final = 16


class Scope(IntEnum):
    """RFC 4511 section 4.5.1.2."""

    BASE = 0
    ONE = 1
    SUBTREE = 2


@dataclass(frozen=True, slots=True)
class Bind:
    """Who the caller says it is. Neither name nor password is kept: only whether there was one."""

    version: int
    simple: bool
    named: bool
    with_password: bool


@dataclass(frozen=True, slots=True)
class Search:
    """A search. The filter is still its bytes: what is wrong with one is told by a result, not by hanging up."""

    base: str
    scope: Scope
    size_limit: int
    time_limit: int
    types_only: bool
    filter: bytes
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unbind:
    """The caller is done."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """The caller no longer wants an answer."""

    message_id: int


@dataclass(frozen=True, slots=True)
class Extended:
    """An operation that is known by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a read-only directory does not do; `response` is the tag of its answer."""

    response: int


@dataclass(frozen=True, slots=True)
class Control:
    """What modifies an operation."""

    name: str
    critical: bool
    value: bytes


Operation = Bind | Search | Unbind | Abandon | Extended | Change


@dataclass(frozen=True, slots=True)
class Message:
    """One request."""

    id: int
    operation: Operation
    controls: tuple[Control, ...] = ()


def read(data: bytes) -> Message:
    """Return the message that the bytes are. Raises `Malformed`."""
    found = asn1.decoded(data, asn1.Message())
    number = _integer(found["messageID"])
    operation = found["protocolOp"].asOctets()
    reader = READERS.get(operation[0]) if operation else None
    if reader is None or number == 0:
        raise Malformed("the message is no request")
    return Message(number, reader(operation), _controls(found))


def _bind(data: bytes) -> Bind:
    found = asn1.decoded(data, asn1.BindRequest())
    simple = found["authentication"].getName() == "simple"
    password = found["authentication"]["simple"].asOctets() if simple else b""
    return Bind(_integer(found["version"]), simple, bool(found["name"].asOctets()), bool(password))


def _search(data: bytes) -> Search:
    found = asn1.decoded(data, asn1.SearchRequest())
    scope = int(found["scope"])
    if scope not in set(Scope) or int(found["derefAliases"]) not in range(4):
        raise Malformed("there is no such scope, or no such handling of aliases")
    return Search(
        _text(found["baseObject"]), Scope(scope), _integer(found["sizeLimit"]), _integer(found["timeLimit"]), bool(found["typesOnly"]),
        found["filter"].asOctets(), tuple(_text(name) for name in found["attributes"]),
    )  # fmt: skip


def _unbind(data: bytes) -> Unbind:
    if data != b"\x42\x00":
        raise Malformed("an unbind request is empty")
    return Unbind()


def _abandon(data: bytes) -> Abandon:
    return Abandon(_integer(asn1.decoded(data, asn1.AbandonRequest())))


def _extended(data: bytes) -> Extended:
    return Extended(_text(asn1.decoded(data, asn1.ExtendedRequest())["requestName"]))


def _change(response: int) -> Callable[[bytes], Change]:
    return lambda _: Change(response)


READERS: Final[Mapping[int, Callable[[bytes], Operation]]] = {
    0x60: _bind, 0x42: _unbind, 0x63: _search, 0x50: _abandon, 0x77: _extended,
    0x66: _change(7), 0x68: _change(9), 0x4A: _change(11), 0x6C: _change(13), 0x6E: _change(15),
}  # fmt: skip
"""By the first byte of an operation: modify, add, delete, rename and compare are known enough to be refused."""


def _controls(found: Any) -> tuple[Control, ...]:
    given = found["controls"]
    if not given.isValue:
        return ()
    if len(given) > MAX_CONTROLS:
        raise Malformed(f"there are more than {MAX_CONTROLS} controls")
    return tuple(
        Control(_text(one["controlType"]), bool(one["criticality"]), one["controlValue"].asOctets() if one["controlValue"].isValue else b"") for one in given
    )


def _integer(value: Any) -> int:
    number = int(value)
    if not 0 <= number <= MAX_INTEGER:
        raise Malformed("a number is not from 0 to 2147483647")
    return number


def _text(value: Any) -> str:
    try:
        return str(value.asOctets(), "utf-8")
    except UnicodeDecodeError:
        raise Malformed("a name is not UTF-8") from None
