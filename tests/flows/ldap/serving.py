"""An LDAP server over a directory, in this process, and callers of it: sockets, ldapsearch and ldap3."""

import asyncio
import base64
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from pyasn1.codec.ber import encoder

from unit.directory.samples import DIRECTORY, ENDPOINT, SYSTEM, live
from wardgate.directory import Directory
from wardgate.directory.index import DirectoryIndex
from wardgate.ldap import Content, LDAPServer, LDAPSettings, asn1

ORGANISATIONS = {"Z9X01": "Example Surgery", "Z9X02": "Example Trust", "Z9S99": None}
LDAPSEARCH = shutil.which("ldapsearch") or "/usr/bin/ldapsearch"
SECONDS = 20.0

def content_of(directory: Directory = DIRECTORY) -> Content:
    """A directory as the server is given it."""
    return Content(DirectoryIndex(directory), ORGANISATIONS)

def many(count: int) -> Directory:
    """As many endpoints, each of a party key of its own."""
    endpoints = tuple(
        replace(ENDPOINT, identifier=f"S{number:012}", cpa_id=f"S{number:012}", party_key=f"Z9X02-{860000 + number}") for number in range(count)
    )
    return Directory(systems=(SYSTEM,), endpoints=endpoints, enrolments=(live(SYSTEM.asid),))

@dataclass
class Served:
    """A server on a loop of its own thread."""

    content: Content
    settings: LDAPSettings = field(default_factory=LDAPSettings)
    tls: ssl.SSLContext | None = None
    port: int = 0
    server: LDAPServer | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"ldap://127.0.0.1:{self.port}"

    def ldapsearch(self, *arguments: str, base: str = "ou=services,o=nhs", code: int = 0) -> list[dict[str, list[str]]]:
        """Run ldapsearch anonymously and return the entries of its LDIF; its exit code is the result's."""
        command = [LDAPSEARCH, "-x", "-LLL", "-o", "ldif-wrap=no", "-H", self.url, "-b", base, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == code, done.stderr
        return entries(done.stdout)

    def connect(self, *, seconds: float = SECONDS) -> "Wire":
        """Connect a bare socket."""
        return Wire(socket.create_connection(("127.0.0.1", self.port), timeout=seconds))

    @contextlib.contextmanager
    def running(self) -> Iterator["Served"]:
        """Serve until the end of the block."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()

        def on_loop(work: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result(SECONDS)

        where = socket.create_server(("127.0.0.1", 0))
        self.port = where.getsockname()[1]
        self.server = LDAPServer(lambda: self.content, self.settings)
        on_loop(self.server.listen(where, self.tls))
        try:
            yield self
        finally:
            on_loop(self.server.stop())
            loop.call_soon_threadsafe(loop.stop)
            thread.join(SECONDS)
            loop.close()

def entries(ldif: str) -> list[dict[str, list[str]]]:
    """Return what LDIF lists, by attribute."""
    found = []
    for block in ldif.strip().split("\n\n"):
        entry: dict[str, list[str]] = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            text = base64.b64decode(value[1:]).decode() if value.startswith(":") else value
            if not line.startswith("#"):
                entry.setdefault(name, []).append(text.strip())
        if entry:
            found.append(entry)
    return found

@dataclass
class Wire:
    """A caller who writes bytes."""

    stream: socket.socket

    def send(self, data: bytes) -> None:
        """Write."""
        self.stream.sendall(data)

    def read(self) -> tuple[int, int, bytes] | None:
        """Return the next answer: its number, its tag and its operation; None at the end of the connection."""
        head = self._exactly(2)
        if head is None:
            return None
        length = head[1]
        if length > 0x80:
            length = int.from_bytes(self._exactly(length - 0x80) or b"", "big")
            extra = length.to_bytes(max(1, (length.bit_length() + 7) // 8), "big")
            head += extra
        message = asn1.decoded(head + (self._exactly(length) or b""), asn1.Message())
        operation = message["protocolOp"].asOctets()
        return int(message["messageID"]), operation[0] & 0x1F, operation

    def result(self) -> tuple[int, int, str]:
        """Return the number, the code and the words of the next result, past any entries."""
        while True:
            found = self.read()
            assert found is not None, "the connection ended"
            number, tag, operation = found
            if tag != 4:
                decoded = asn1.decoded(operation, asn1.result_type(tag))
                return number, int(decoded["resultCode"]), bytes(decoded["diagnosticMessage"]).decode()

    def close(self) -> None:
        """Hang up."""
        self.stream.close()

    def _exactly(self, count: int) -> bytes | None:
        data = b""
        while len(data) < count:
            try:
                part = self.stream.recv(count - len(data))
            except ConnectionResetError:
                return None
            if not part:
                return None
            data += part
        return data

def message(operation: bytes, number: int = 1, controls: tuple[tuple[str, bool, bytes], ...] = ()) -> bytes:
    """Return a message."""
    found = asn1.Message()
    found["messageID"], found["protocolOp"] = number, operation
    for name, critical, value in controls:
        control = asn1.Control()
        control["controlType"], control["criticality"], control["controlValue"] = name.encode(), critical, value
        found["controls"].append(control)
    return bytes(encoder.encode(found))

PRESENT = b"\x87\x0bobjectClass"

def searching(
    filter_: bytes = PRESENT, *, base: str = "ou=services,o=nhs", scope: int = 2, attributes: tuple[str, ...] = (), size: int = 0, seconds: int = 0,
) -> bytes:  # fmt: skip
    """Return a search request."""
    found = asn1.SearchRequest()
    found["baseObject"], found["scope"], found["derefAliases"] = base.encode(), scope, 0
    found["sizeLimit"], found["timeLimit"], found["typesOnly"], found["filter"] = size, seconds, False, filter_
    found["attributes"].extend(name.encode() for name in attributes)
    return bytes(encoder.encode(found))

def tlv(tag: int, *parts: bytes) -> bytes:
    """Return one value in BER."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body

def equal(name: str, value: str | bytes) -> bytes:
    """Return a test for equality."""
    return tlv(0xA3, tlv(4, name.encode()), tlv(4, value if isinstance(value, bytes) else value.encode()))

