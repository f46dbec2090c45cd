"""Two installations and a mailbox server, for each test, and what an attacker does with them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from exchange_world import RECIPIENT, WORKFLOW, Exchanging, Installation, exchanging, undelayed
from message_world import NOW
from unit.itk3.sample import resources
from wardgate.client import MeshOutgoing
from wardgate.itk3 import Message, Party, Sending, build

Do = Callable[[], httpx2.Response]


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """Where both sides keep what they have."""
    with undelayed(tmp_path) as found:
        yield found


@pytest.fixture
def two(directory: Path, new_database: Callable[[Path], str]) -> Iterator[Exchanging]:
    """Both sides."""
    with exchanging(new_database, directory) as found:
        yield found


@pytest.fixture
def post() -> Callable[..., None]:
    """Put something into a mailbox as one of its partners, whatever it is."""
    def posted(side: Installation, body: bytes, media_type: str = "application/fhir+xml", *, to: str = RECIPIENT, workflow: str = WORKFLOW, local_id: str = "") -> None:
        side.parts.post(side.mailbox).send(body, MeshOutgoing(to, workflow, local_id=local_id, content_type=media_type))  # type: ignore[call-arg]

    return posted


@pytest.fixture
def letter() -> Callable[[Installation, str], Message]:
    """A letter that a partner wrote."""
    def written(side: Installation, ods: str) -> Message:
        return build(resources(), Sending(Party(ods=ods), side.mailbox, "ITK007C"), now=NOW, random=side.parts.random)

    return written
