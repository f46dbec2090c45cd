"""Seals by JOSE for tests: two organisations of the small world, good seals, and seals that somebody put together by hand."""

import json
import os
from dataclasses import dataclass, field
from typing import Any

from message_world import NOW, Held, World
from wardgate.jose import base64url, jwe, jws_octets
from wardgate.jose.key_encryption import suitable
from wardgate.sealing import detached, modern
from wardgate.sealing.context import canonical_context, context_hash
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import MessageKey, Use
from wardgate.sealing.model import Context, Opened, Sealed, Statement, Transport
from wardgate.sealing.signature import certificate_digest, written_header

CONTENT = b"<Bundle xmlns='http://hl7.org/fhir'><id value='5d0b7a52'/><!-- \xc3\xa4 --></Bundle>"
XML = "application/fhir+xml"
CONTEXT = Context("X26OT001", "X26", ("RY6OT002",), "GPCONNECT_SEND_DOCUMENT", "5d0b7a52-1c7e", "ITK007C", "5d0b7a52-0000")
TRANSPORT = Transport("X26OT001", "RY6OT002", "GPCONNECT_SEND_DOCUMENT")
STATEMENT = Statement(NOW, role="R8000", on_behalf_of={"user": "555021935107", "act": {"sub": "x"}})


def code_of(function: Any, *arguments: Any, **named: Any) -> str | None:
    """The code that something is refused with; None when it is not."""
    try:
        function(*arguments, **named)
    except SealRefused as refused:
        return refused.code
    return None


@dataclass
class Exchange:
    """X26 seals to RY6."""

    world: World = field(default_factory=World)
    signer: Held = field(init=False)
    recipient: Held = field(init=False)

    def __post_init__(self) -> None:
        """Make their keys."""
        self.signer = self.world.add("X26", Use.SIGNING)
        self.recipient = self.world.add("RY6", Use.ENCRYPTION)

    def key(self, held: Held) -> MessageKey:
        """The public half in the directory."""
        return self.world.keys[held.kid]

    def seal(self, content: bytes = CONTENT, *, media_type: str = XML, context: Context = CONTEXT, statement: Statement = STATEMENT, **changes: Any) -> Sealed:
        """Seal as the modern suite does."""
        recipients = changes.pop("recipients", [self.key(self.recipient)])
        settings = {"directory": self.world, "now": NOW, "random": os.urandom} | changes
        return modern.seal(content, media_type, context, statement, settings.pop("signer", self.signer), recipients, **settings)

    def open(self, body: bytes, **changes: Any) -> Opened:
        """Open it."""
        settings: dict[str, Any] = {"transport": TRANSPORT, "held": self.world, "directory": self.world, "now": NOW}
        return modern.open_seal(body, **(settings | changes))

    def refusal(self, body: bytes, **changes: Any) -> str | None:
        """The code with which it is refused."""
        return code_of(self.open, body, **changes)

    def header(self, **changes: Any) -> dict[str, Any]:
        """A protected header; changes replace members and their place in crit, None takes one away."""
        made = written_header(self.signer, STATEMENT, modern.JWS_TYPE, {"ctxh": context_hash(canonical_context(CONTEXT))}, XML)
        header = {name: value for name, value in (made | changes).items() if value is not None}
        if "crit" not in changes:
            header["crit"] = [name for name in made["crit"] if name in header]
        return header

    def signed(self, header: dict[str, Any], content: bytes = CONTENT) -> bytes:
        """A compact JWS by the signer."""
        return jws_octets.sign_compact(header, content, self.signer.sign)

    def crafted(self, inside: bytes, *, context: bytes | None = None, protected: dict[str, Any] | None = None, recipient: dict[str, Any] | None = None) -> bytes:
        """Encrypt whatever it is to the recipient."""
        names = {"kid": self.recipient.kid, "x5t#S256": certificate_digest(self.recipient.certificate)} | (recipient or {})
        named = {name: value for name, value in names.items() if value is not None}
        header = {"typ": modern.JWE_TYPE, "cty": "JOSE+JSON" if inside[:1] == b"{" else "JOSE"} | (protected or {})
        aad = canonical_context(CONTEXT) if context is None else context
        return jwe.encrypt(inside, header, aad, [(named, suitable(self.recipient.certificate.public_key()))], os.urandom)

    def beside(self, content: bytes = CONTENT, **changes: Any) -> Sealed:
        """Seal as the detached suite does."""
        return detached.seal(content, changes.pop("media_type", XML), changes.pop("context", CONTEXT), changes.pop("statement", STATEMENT), changes.pop("signer", self.signer), **changes)

    def verify(self, sealed: Sealed, **changes: Any) -> Opened:
        """Verify a detached signature."""
        settings: dict[str, Any] = {"transport": TRANSPORT, "directory": self.world, "now": NOW}
        return detached.open_seal(changes.pop("content", sealed.body), changes.pop("signature", sealed.signature), **(settings | changes))


def edited(body: bytes, **changes: Any) -> bytes:
    """A JSON body with members changed; None takes one away."""
    members = json.loads(body) | changes
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def flipped(body: bytes, *path: str | int) -> bytes:
    """A JSON body with the first octet of one base64url member changed."""
    members = json.loads(body)
    holder: Any = members
    for name in path[:-1]:
        holder = holder[name]
    octets = bytearray(base64url.decode(holder[path[-1]].encode()))
    octets[0] ^= 1
    holder[path[-1]] = base64url.encode(bytes(octets))
    return json.dumps(members).encode()
