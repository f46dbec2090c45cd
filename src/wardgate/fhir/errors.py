"""What is wrong with a text that should be a FHIR resource.

FHIRError            the root
├── TooLarge         more bytes, levels or values than a resource may have
├── NotWellFormed    no JSON, no XML, or JSON or XML with what FHIR forbids: names twice, a document type, entities
└── NotValid         an element that the resource has not, a value that is none of its type; `where` is its path

Messages name elements, never values: those are patients'.
"""


class FHIRError(Exception):
    """The root of this room."""


class TooLarge(FHIRError):
    """A limit was reached; the message says which."""


class NotWellFormed(FHIRError):
    """The text is not read any further."""


class NotValid(FHIRError):
    """One element is wrong. `where` is a path of element names, such as `Flag.subject.reference`, `Bundle.entry[0].fullUrl`."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem
