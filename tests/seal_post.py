"""Two organisations that write to each other by CMS seals: X26 to RY6, with an archive of RQM beside it."""

import os
from typing import Any

from message_world import NOW, RSA_KEY, Held, World
from wardgate.sealing import cms
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import MessageKey, Use
from wardgate.sealing.model import Context, Purpose, Statement, Transport

CONTENT = b"<Bundle xmlns='http://hl7.org/fhir'/>" * 100
XML = "application/fhir+xml"
CONTEXT = Context("X26OT001", "X26", ("RY6OT002",), "WORKFLOW_A", "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03", "ITK007C", "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e05")
BROUGHT = Transport("X26OT001", "RY6OT002", "WORKFLOW_A")
SAID = Statement(NOW, Purpose.AUTHOR, "R8000", {"user": "555021935107", "role": "555254240100"})


class Post(World):
    """X26 writes to RY6, which has a key on P-256; an archive has one of RSA."""

    signer: Held
    recipient: Held
    archive: Held

    def __post_init__(self) -> None:
        """Make the keys."""
        super().__post_init__()
        self.signer = self.add("X26", Use.SIGNING)
        self.recipient = self.add("RY6", Use.ENCRYPTION)
        self.archive = self.add("RQM", Use.ENCRYPTION, private=RSA_KEY)

    def to(self, *held: Held) -> list[MessageKey]:
        """Those keys as they are published."""
        return [self.keys[one.kid] for one in held or (self.recipient, self.archive)]

    def sealed(self, content: bytes = CONTENT, **changes: Any) -> bytes:
        """A message of X26."""
        made: dict[str, Any] = {"media_type": XML, "context": CONTEXT, "statement": SAID, "signer": self.signer, "recipients": self.to()} | changes
        return cms.seal(content, directory=self, now=NOW, random=os.urandom, **made).body

    def open(self, body: bytes, **changes: Any) -> Any:
        """What RY6 finds inside."""
        asked: dict[str, Any] = {"transport": BROUGHT, "held": Only(self.recipient), "directory": self, "now": NOW} | changes
        return cms.open_seal(body, **asked)

    def code(self, body: bytes, **changes: Any) -> str | None:
        """Why it is refused; None when it is not."""
        try:
            self.open(body, **changes)
        except SealRefused as refused:
            return refused.code
        return None


class Only:
    """The private keys of one organisation."""

    def __init__(self, *held: Held) -> None:
        self._held = held

    def decryption_keys(self) -> tuple[Held, ...]:
        """`HeldKeys`."""
        return self._held


