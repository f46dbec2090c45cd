"""How a mailbox's requests look on the wire: a token for each, the version of the API, limits of time and size (itk3-messaging 5.1, 5.2)."""

import itertools
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx2

from wardgate.client.clock import Clock
from wardgate.client.environments import refuse_clear_text
from wardgate.client.mesh_errors import MeshAnswerInvalid, MeshCallInvalid
from wardgate.client.mesh_steps import MAX_ANSWER_BYTES, Answer, Ask
from wardgate.mesh import token
from wardgate.mesh.versions import MEDIA_TYPES, V1, V2

BASE_PATH: Final = "/messageexchange"
MESH_TIMEOUT: Final = httpx2.Timeout(60.0, connect=10.0, read=120.0, pool=30.0)
"""Between two signs of life; what a whole answer may take follows from its size."""
PATIENCE_SECONDS: Final = 120.0
SLOWEST_BYTES_PER_SECOND: Final = 10_000
_MAILBOX: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_V1_TYPE: Final = "application/vnd.mesh.v1+json"


@dataclass(frozen=True, slots=True)
class MeshCredentials:
    """A mailbox, its password, and the key that the environment shares with its mailboxes. Raises `MeshCallInvalid`."""

    mailbox: str
    password: str = field(repr=False)
    shared_key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not _MAILBOX.fullmatch(self.mailbox):
            raise MeshCallInvalid("a mailbox id is 1 to 100 letters, digits, hyphens and underscores")
        if not self.password or not self.shared_key:
            raise MeshCallInvalid("a mailbox has a password, and its environment a shared key")
        object.__setattr__(self, "mailbox", self.mailbox.upper())


class Wire:
    """Makes requests of one client: one nonce, and a count that grows with every request, from any thread."""

    def __init__(self, credentials: MeshCredentials, clock: Clock, server_name: str | None) -> None:
        self._credentials, self.clock = credentials, clock
        self._nonce, self._counts = str(uuid.uuid4()), itertools.count(1)
        self._version = V2
        self.extensions = {"sni_hostname": server_name} if server_name is not None else {}

    @property
    def mailbox(self) -> str:
        """Whose requests these are."""
        return self._credentials.mailbox

    def headers(self, question: Ask, url: httpx2.URL, version: int | None = None) -> dict[str, str]:
        """Return a request's headers, with a token of its own. Raises `ClearTextRefused`."""
        refuse_clear_text(url)
        made = token.make(mailbox=self.mailbox, password=self._credentials.password, shared_key=self._credentials.shared_key,
                          nonce=self._nonce, nonce_count=next(self._counts), now=self.clock.now())
        version = version or self._version
        headers = {"Accept-Encoding": "identity", **question.headers, "Accept": MEDIA_TYPES[V2] if version == V2 else _V1_TYPE, "Authorization": made}
        if question.body is not None and question.body.size is not None:
            headers["Content-Length"] = str(question.body.size)
        return headers

    def not_understood(self, answer: Answer) -> bool:
        """Whether the server may not speak version 2. It then did nothing, and is asked in version 1."""
        return self._version == V2 and (answer.status == 406 or (answer.status == 400 and b"ccept" in answer.content[:1_000]))

    def understood(self, answer: Answer) -> None:
        """Version 1 was answered: go on in it, when that was what was wrong."""
        if answer.status not in {400, 406}:
            self._version = V1


class Pace:
    """How long an answer may take. Raises `httpx2.ReadTimeout` when it is too slow, and `MeshAnswerInvalid` when it is too large."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began, self._bytes = clock, clock.monotonic(), 0

    def counted(self, data: bytes, at_most: int | None = MAX_ANSWER_BYTES) -> bytes:
        """Count what came, and return it."""
        self._bytes += len(data)
        if at_most is not None and self._bytes > at_most:
            raise MeshAnswerInvalid(f"an answer of more than {at_most} octets")
        if self._clock.monotonic() - self._began > PATIENCE_SECONDS + self._bytes / SLOWEST_BYTES_PER_SECOND:
            raise httpx2.ReadTimeout("the answer comes too slowly")
        return data


def headers_of(response: httpx2.Response) -> Mapping[str, str]:
    """Return an answer's headers by lower-case name."""
    return {name.lower(): value for name, value in response.headers.items()}
