"""A check as data: what must be true, and what was found instead. Shared by accepting and by explaining."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from wardgate.pki.errors import CheckFailed

T = TypeVar("T")
SHOWN_CHARACTERS = 200
"""Longest part of a received value that is repeated to people."""


class Outcome(StrEnum):
    """What became of a check. Checks after the first that fails are not reached."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not-reached"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's outcome. `states` is what must be true; the rest is filled in when it is not."""

    code: str
    states: str
    outcome: Outcome
    expected: str | None = None
    received: str | None = None
    advice: str | None = None

    @property
    def sentence(self) -> str:
        """The result as one line."""
        if self.outcome is not Outcome.FAILED:
            return f"{self.states}: {self.outcome.value}"
        return f"{self.states}: expected {self.expected}, received {self.received}"


class Mismatch(Exception):
    """Raised by a check's test: the difference between what it wants and what there is."""

    def __init__(self, expected: str, received: str, advice: str | None = None) -> None:
        super().__init__(f"expected {expected}, received {received}")
        self.expected = expected
        self.received = shown(received)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Check(Generic[T]):
    """A row of a table of checks. `test` returns nothing, or raises `Mismatch`."""

    code: str
    states: str
    test: Callable[[T], None]


def shown(text: str) -> str:
    """The text as one printable line of bounded length."""
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[: SHOWN_CHARACTERS + 1])
    return printable if len(printable) <= SHOWN_CHARACTERS else printable[:SHOWN_CHARACTERS] + "…"


def run(checks: Sequence[Check[T]], subject: T) -> list[CheckResult]:
    """Run the checks in order up to the first that fails. An empty table is a mistake, not a pass: `ValueError`."""
    if not checks:
        raise ValueError("a table of checks is empty")
    results: list[CheckResult] = []
    for position, check in enumerate(checks):
        try:
            check.test(subject)
        except Mismatch as found:
            results.append(
                CheckResult(check.code, check.states, Outcome.FAILED, found.expected, found.received, found.advice)
            )
            return results + not_reached(checks[position + 1 :])
        results.append(CheckResult(check.code, check.states, Outcome.PASSED))
    return results


def not_reached(checks: Sequence[Check[T]]) -> list[CheckResult]:
    """The checks that an earlier failure left out."""
    return [CheckResult(check.code, check.states, Outcome.NOT_REACHED) for check in checks]


def first_failure(results: Sequence[CheckResult]) -> CheckResult | None:
    """The failed check, if one failed."""
    return next((result for result in results if result.outcome is Outcome.FAILED), None)


def demand(checks: Sequence[Check[T]], subject: T) -> None:
    """Every check holds; raises `CheckFailed` with the first that does not."""
    failure = first_failure(run(checks, subject))
    if failure is not None:
        raise CheckFailed(failure)
