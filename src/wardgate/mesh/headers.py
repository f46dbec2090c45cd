"""The headers of a message that is sent: their limits, their characters, and what is kept of them (itk3-messaging 5.2, 5.3).

Texts are read as Latin-1, as HTTP has them, and go out as the same octets.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wardgate.mesh import chunk_range
from wardgate.mesh.chunk_range import ChunkRange
from wardgate.mesh.errors import MeshRefused, wrong_parameter
from wardgate.mesh.forms import CONTROL

TO, FROM, WORKFLOW, RANGE = "Mex-To", "Mex-From", "Mex-WorkflowID", "Mex-Chunk-Range"
SUBJECT, LOCAL_ID, FILE_NAME, PARTNER_ID = "Mex-Subject", "Mex-LocalID", "Mex-FileName", "Mex-PartnerID"
CHECKSUM, COMPRESSED, ENCRYPTED = "Mex-Content-Checksum", "Mex-Content-Compressed", "Mex-Content-Encrypted"
MEX_CONTENT_TYPE, VERSION, MESSAGE_TYPE = "Mex-Content-Type", "Mex-Version", "Mex-MessageType"
CONTENT_TYPE, CONTENT_ENCODING = "Content-Type", "Content-Encoding"

MAX_CHARACTERS: Final[Mapping[str, int]] = {
    TO: 100, WORKFLOW: 300, RANGE: 20, SUBJECT: 500, LOCAL_ID: 300, PARTNER_ID: 500, FILE_NAME: 300, ENCRYPTED: 20, COMPRESSED: 20,
    CHECKSUM: 100, MEX_CONTENT_TYPE: 100, CONTENT_TYPE: 100, FROM: 100, VERSION: 20, MESSAGE_TYPE: 20, CONTENT_ENCODING: 100,
}
NO_URLS: Final = frozenset({TO, WORKFLOW, CHECKSUM})
KEPT: Final = (SUBJECT, FILE_NAME, PARTNER_ID, CHECKSUM, MEX_CONTENT_TYPE, CONTENT_TYPE)
"""Passed on as they came; the flags are passed on as Y or not at all."""
FLAGS: Final = (COMPRESSED, ENCRYPTED)
GZIP: Final = "gzip"
HANDSHAKE: Final = ("Mex-ClientVersion", "Mex-OSName", "Mex-OSVersion")
"""Required of a handshake; `Mex-OSArchitecture` and `Mex-JavaVersion` may come with them."""
MAX_HANDSHAKE_CHARACTERS: Final = 500

_NAMES: Final = {name: name.lower().encode("ascii") for name in MAX_CHARACTERS}
_URL: Final = re.compile(r"\s*https?:", re.IGNORECASE)
_CHECKSUM: Final = re.compile(r"[A-Za-z0-9 :/-]*", re.ASCII)
_TRUE: Final = frozenset({"y", "yes", "true", "1", "on", "t"})

RawHeaders = Mapping[bytes, bytes]
"""By lower-case name."""


@dataclass(frozen=True, slots=True)
class SendHeaders:
    """What the headers of a first chunk say. `kept` is by lower-case name."""

    to: str
    workflow: str
    chunks: ChunkRange
    local_id: str = field(repr=False)
    encoding: str
    checksum: str
    kept: Mapping[str, str] = field(repr=False)


def read(raw: RawHeaders, mailbox: str) -> SendHeaders:
    """Return what the first chunk's headers say, sent by `mailbox`. Raises `MeshRefused`, in the order of 5.2."""
    said = {name: raw[key].decode("latin-1") for name, key in _NAMES.items() if key in raw}
    _check_lengths(said)
    _check_characters(said)
    to, workflow = said.get(TO, "").strip(), said.get(WORKFLOW, "").strip()
    if not to:
        raise MeshRefused("mesh-to-missing", "Mex-To", "none")
    if not workflow:
        raise wrong_parameter("mesh-parameter-missing", "missing", "header", WORKFLOW.lower())
    _check_control(said, mailbox)
    encoding = encoding_of(raw)
    chunks = chunk_range.read(said.get(RANGE, ""), 1)
    kept = {name.lower(): said[name] for name in KEPT if said.get(name)}
    kept |= {name.lower(): "Y" for name in FLAGS if said.get(name, "").strip().lower() in _TRUE}
    if encoding:
        kept[CONTENT_ENCODING.lower()] = encoding
    return SendHeaders(to.upper(), workflow, chunks, said.get(LOCAL_ID, ""), encoding, said.get(CHECKSUM, ""), kept)


def encoding_of(raw: RawHeaders) -> str:
    """Return the transport encoding of a body: gzip or nothing. Raises `MeshRefused`."""
    encoding = raw.get(b"content-encoding", b"").decode("latin-1").strip().lower()
    if encoding not in {"", GZIP}:
        raise MeshRefused("mesh-content-encoding", GZIP, "another encoding")
    return encoding


def check_handshake(raw: RawHeaders) -> None:
    """Raises `MeshRefused` unless a client says what it is (5.2)."""
    for name in HANDSHAKE:
        value = raw.get(name.lower().encode("ascii"))
        if value is None:
            raise wrong_parameter("mesh-parameter-missing", "missing", "header", name.lower())
        if len(value) > MAX_HANDSHAKE_CHARACTERS:
            raise wrong_parameter("mesh-parameter-long", "string_too_long", "header", name.lower(), MAX_HANDSHAKE_CHARACTERS)


def _check_lengths(said: Mapping[str, str]) -> None:
    for name, value in said.items():
        if len(value) > MAX_CHARACTERS[name]:
            raise wrong_parameter("mesh-parameter-long", "string_too_long", "header", name.lower(), MAX_CHARACTERS[name])


def _check_characters(said: Mapping[str, str]) -> None:
    """5.3: control characters, and URLs where an address or a name should be."""
    wrong = tuple(name for name, value in said.items() if CONTROL.search(value) or (name in NO_URLS and _URL.match(value)))
    if wrong:
        raise MeshRefused("mesh-control-file", "plain texts", ", ".join(wrong), fields=wrong)
    if not _CHECKSUM.fullmatch(said.get(CHECKSUM, "")):
        raise MeshRefused("mesh-checksum-form", "letters, digits, spaces and :-/", "others")


def _check_control(said: Mapping[str, str], mailbox: str) -> None:
    """What clients of older ways send along."""
    if said.get(FROM, mailbox).strip().upper() != mailbox:
        raise MeshRefused("mesh-from-address", mailbox, "another mailbox")
    if said.get(VERSION, "1.0").strip() != "1.0":
        raise MeshRefused("mesh-version", "1.0", "another version")
    if said.get(MESSAGE_TYPE, "DATA").strip().upper() != "DATA":
        raise MeshRefused("mesh-message-type", "DATA", "another type")
