"""What is wrong with a message: where, and which response code says so.

ITK3Error            a message that is not read, or not built; `code` is the ITK response code that answers it
├── NotReadable      10009: nothing that could be called a message
└── NotAccepted      one or more `problems`, each with its element's path and its code; the first one's code answers

Texts name elements and codes, never values: those are patients'.
"""

from dataclasses import dataclass

from wardgate.itk3.model import Original


@dataclass(frozen=True, slots=True)
class Problem:
    """One element that is wrong."""

    code: str
    """An ITK response code (1.8)."""
    where: str
    """A path of element names, such as `Bundle.entry[0].resource.MessageHeader.event`."""
    problem: str
    issue: str = "invalid"
    """The FHIR issue code, where several go with the response code."""


class ITK3Error(Exception):
    """The root of this room."""

    def __init__(self, problems: tuple[Problem, ...], of: Original | None = None) -> None:
        first = problems[0]
        super().__init__(f"{first.code}: {first.where}: {first.problem}")
        self.problems = problems
        self.original = of or Original()

    @property
    def code(self) -> str:
        """The response code that a receiver answers with."""
        return self.problems[0].code


class NotReadable(ITK3Error):
    """No message at all."""


class NotAccepted(ITK3Error):
    """A message with faults."""
