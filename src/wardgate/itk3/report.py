"""What a reading finds: problems in the order of the message, and warnings of what a lenient one passes over."""

from typing import Final

from wardgate.fhir import Version
from wardgate.itk3.errors import NotAccepted, Problem
from wardgate.itk3.rules import Rules

HEADER: Final = "20006"
PAYLOAD: Final = "20009"
MAX_NOTES: Final = 100


class Report:
    """One reading of one message."""

    def __init__(self, rules: Rules, version: Version) -> None:
        self.rules = rules
        self.version = version
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def fault(self, code: str, where: str, problem: str, issue: str = "invalid") -> None:
        """Note what no reader accepts."""
        if len(self.problems) < MAX_NOTES:
            self.problems.append(Problem(code, where, problem, issue))

    def strict(self, code: str, where: str, problem: str, issue: str = "invalid") -> None:
        """Note what a lenient reader passes over."""
        if self.rules.strict:
            self.fault(code, where, problem, issue)
        else:
            self.warn(where, problem)

    def warn(self, where: str, problem: str) -> None:
        """Note what every reader passes over."""
        if len(self.warnings) < MAX_NOTES:
            self.warnings.append(f"{where}: {problem}")

    def close(self) -> None:
        """Raise `NotAccepted` if there was a problem."""
        if self.problems:
            raise NotAccepted(tuple(self.problems))
