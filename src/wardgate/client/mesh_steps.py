"""What a MESH call is made of, without a connection: steps that the client on threads and the one on asyncio run alike.

A call is a generator. It yields `Ask` (one request; it is sent the `Answer`, or the connection's failure is thrown into it), `Pause`
(wait so long) and `Work` (something that takes time on this machine: files, checksums), and returns what was found.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

PIECE_BYTES: Final = 262_144
"""Contents are read, hashed and sent in pieces of this size."""
MAX_ANSWER_BYTES: Final = 2_000_000
"""An inbox page of 5,000 ids is well below."""

T = TypeVar("T")


class Body(Protocol):
    """A request's body, which can be sent again from its beginning."""

    @property
    def size(self) -> int | None:
        """In octets as sent; None: it is not known before it is compressed."""

    def pieces(self) -> Iterator[bytes]:
        """Yield it from the beginning. May raise `MeshSourceChanged` and `OSError`."""


class Sink(Protocol):
    """Where the body of a successful answer goes, a piece at a time."""

    def begin(self, headers: Mapping[str, str]) -> None:
        """A body begins: forget what an earlier, interrupted one left. Headers are by lower-case name."""

    def feed(self, data: bytes) -> None:
        """Take octets as they came over the network. May raise `MeshContentInvalid` and `OSError`."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `path` comes after `/messageexchange`, quoted."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Body | None = None
    sink: Sink | None = None
    """For the body of an answer of 200 or 206; any other body is in the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Headers are by lower-case name."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Do something that may block."""

    run: Callable[[], Any]


Step = Ask | Pause | Work
Steps = Generator[Step, Any, T]


def ask(question: Ask) -> Steps[Answer]:
    """Ask once. Raises the connection's failure."""
    answer = yield question
    assert isinstance(answer, Answer)  # noqa: S101 - the runner's promise
    return answer


def work(run: Callable[[], T]) -> Steps[T]:
    """Do something that may block, and return what it returned."""
    found: T = yield Work(run)
    return found
