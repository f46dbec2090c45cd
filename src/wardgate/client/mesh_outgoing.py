"""A message to be sent: its headers and their limits, and how far it is when it was interrupted (itk3-messaging 5.3, 5.4)."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final, Self

from wardgate.client.mesh_content import DEFAULT_CHUNK_BYTES, MAX_CHUNK_BYTES, Measured
from wardgate.client.mesh_errors import MeshCallInvalid, MeshTransferInvalid
from wardgate.mesh.routing import is_routed

OCTETS: Final = "application/octet-stream"
LIMITS: Final[Mapping[str, int]] = MappingProxyType({
    "Mex-To": 100, "Mex-WorkflowID": 300, "Mex-Subject": 500, "Mex-LocalID": 300, "Mex-FileName": 300, "Mex-Content-Checksum": 100,
    "Mex-PartnerID": 500, "Mex-Content-Type": 100,
})
"""Characters, by header."""
NO_URLS: Final = frozenset({"Mex-To", "Mex-WorkflowID", "Mex-Content-Checksum"})
_URL: Final = re.compile(r"https?:", re.IGNORECASE)
_CHECKSUM: Final = re.compile(r"[A-Za-z0-9 :/-]*")
_VERSION: Final = 1
MAX_STATE_BYTES: Final = 10_000


@dataclass(frozen=True, slots=True)
class MeshOutgoing:
    """What is said of a message. Raises `MeshCallInvalid` when made with what no server takes.

    `local_id` names one message of the sender's: it is how a message is found whose first answer was lost, so give another
    message another one, and no patient's data. Empty: one is made. `checksum` is sent as given; None: SHA-256 of the content.
    `compressed` and `encrypted` tell of the content, and change nothing; `compression` is gzip's level for the transport, per chunk.
    """

    to: str = field(repr=False)
    """A mailbox id, or `GPPROVIDER_…`, which names a patient."""
    workflow: str
    local_id: str = ""
    subject: str = field(default="", repr=False)
    file_name: str = field(default="", repr=False)
    partner_id: str = field(default="", repr=False)
    content_type: str = OCTETS
    checksum: str | None = None
    compressed: bool = False
    encrypted: bool = False
    compression: int | None = None
    chunk_bytes: int = DEFAULT_CHUNK_BYTES

    def __post_init__(self) -> None:
        if not self.to or not self.workflow:
            raise MeshCallInvalid("a message has a recipient and a workflow")
        if not 0 < self.chunk_bytes <= MAX_CHUNK_BYTES:
            raise MeshCallInvalid(f"a chunk has 1 to {MAX_CHUNK_BYTES} octets")
        if self.compression is not None and not 1 <= self.compression <= 9:
            raise MeshCallInvalid("gzip's level is 1 to 9")
        for name, value in self._texts().items():
            _check(name, value)

    def _texts(self) -> dict[str, str]:
        return {
            "Mex-To": self.to, "Mex-WorkflowID": self.workflow, "Mex-Subject": self.subject, "Mex-LocalID": self.local_id,
            "Mex-FileName": self.file_name, "Mex-PartnerID": self.partner_id, "Mex-Content-Checksum": self.checksum or "",
            "Mex-Content-Type": self.content_type,
        }

    def headers(self, number: int, measured: Measured, local_id: str) -> dict[str, str]:
        """Return the headers of a chunk: the first carries what is said of the message, each its place and encoding."""
        total = len(measured.chunks)
        headers = {"Content-Type": self.content_type if total == 1 else OCTETS, "Mex-Chunk-Range": f"{number}:{total}"}
        if self.compression is not None:
            headers["Content-Encoding"] = "gzip"
        if number > 1:
            return headers
        checksum = f"SHA256 {measured.sha256}" if self.checksum is None else self.checksum
        said = {**self._texts(), "Mex-LocalID": local_id, "Mex-Content-Checksum": checksum, "Mex-MessageType": "DATA",
                "Mex-Content-Compressed": "Y" if self.compressed else "", "Mex-Content-Encrypted": "Y" if self.encrypted else ""}
        if total == 1:
            del said["Mex-Content-Type"]
        return headers | {name: value for name, value in said.items() if value}


def addressee(to: str) -> str:
    """Return an address as it is kept: one that names a patient as its hash."""
    return hashlib.sha256(to.upper().encode()).hexdigest() if is_routed(to) else to.upper()


def _check(name: str, value: str) -> None:
    if len(value) > LIMITS[name]:
        raise MeshCallInvalid(f"{name} has at most {LIMITS[name]} characters")
    if not value.isascii() or not (value.isprintable() and value == value.strip()):
        raise MeshCallInvalid(f"{name} is printable ASCII, without spaces around it")
    if name in NO_URLS and _URL.match(value):
        raise MeshCallInvalid(f"{name} is no URL")
    if name == "Mex-Content-Checksum" and not _CHECKSUM.fullmatch(value):
        raise MeshCallInvalid(f"{name} has letters, digits, spaces, colons, hyphens and slashes only")


@dataclass(frozen=True, slots=True)
class MeshUpload:
    """How far the sending of one content is: kept by the caller, it can be gone on with by another process. Holds no secret."""

    mailbox: str
    to: str
    """As `addressee` writes it."""
    workflow: str
    local_id: str
    size: int
    sha256: str
    chunk_bytes: int
    compression: int | None
    message_id: str | None = None
    """None: the first chunk was not taken yet, as far as is known."""
    done: int = 0
    """Chunks that the server has."""

    @classmethod
    def begin(cls, mailbox: str, outgoing: MeshOutgoing, measured: Measured, local_id: str) -> Self:
        """Return the state before anything was sent."""
        return cls(mailbox, addressee(outgoing.to), outgoing.workflow, local_id, measured.size, measured.sha256, outgoing.chunk_bytes, outgoing.compression)

    def check(self, mailbox: str, outgoing: MeshOutgoing, measured: Measured) -> None:
        """It is of this message and content. Raises `MeshTransferInvalid`."""
        theirs = (self.mailbox, self.to, self.workflow, self.chunk_bytes, self.compression)
        ours = (mailbox, addressee(outgoing.to), outgoing.workflow, outgoing.chunk_bytes, outgoing.compression)
        if theirs != ours or (outgoing.local_id and outgoing.local_id != self.local_id):
            raise MeshTransferInvalid("what was interrupted is another message: its mailboxes, workflow, local id, chunks or compression differ")
        if (self.size, self.sha256) != (measured.size, measured.sha256):
            raise MeshTransferInvalid("the content is not the one whose sending was interrupted")
        if not 0 <= self.done <= len(measured.chunks):
            raise MeshTransferInvalid("the state of the transfer is damaged")

    def to_json(self) -> bytes:
        """Return the state to keep."""
        return json.dumps({"version": _VERSION, **asdict(self)}).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return a kept state. Raises `MeshTransferInvalid`."""
        try:
            found = json.loads(text[:MAX_STATE_BYTES])
            fits = found.pop("version") == _VERSION and all(_fits(found[name], kinds) for name, kinds in _KINDS.items())
            kept = cls(**found)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            fits = False
        if not fits:
            raise MeshTransferInvalid("the state of the transfer is damaged, or of another version")
        return kept


_KINDS: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType({
    "mailbox": (str,), "to": (str,), "workflow": (str,), "local_id": (str,), "size": (int,), "sha256": (str,), "chunk_bytes": (int,),
    "compression": (int, type(None)), "message_id": (str, type(None)), "done": (int,),
})


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that the server has whole."""

    message_id: str
    local_id: str
    size: int
    sha256: str
    chunks: int
