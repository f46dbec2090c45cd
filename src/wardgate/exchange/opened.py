"""A message that came in and was proved: the one thing that is judged and delivered."""

from dataclasses import dataclass, field

from wardgate.itk3 import DocumentFacts, Message
from wardgate.sealing.model import Opened


@dataclass(frozen=True, slots=True)
class Arrived:
    """The message, what its payload says, its octets, and what was proved of them; None where it was not sealed."""

    message: Message
    facts: DocumentFacts
    content: bytes = field(repr=False)
    media_type: str
    opened: Opened | None = None

    @property
    def document_id(self) -> str | None:
        """The id of the document that it carries."""
        return self.facts.document_id if not self.message.is_response else None
