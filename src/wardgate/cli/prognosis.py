"""What the doctor found, in one form for every kind of thing that is checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from wardgate.oauth import CheckResult as OAuthResult
from wardgate.pki import CheckResult as PKIResult
from wardgate.refusals import CATALOGUE

_MARKS: Final = {"passed": "ok  ", "failed": "FAIL", "not-reached": "-   "}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. `outcome` is passed, failed or not-reached."""

    code: str
    states: str
    outcome: str
    expected: str | None
    received: str | None
    advice: str | None

    def as_json(self) -> dict[str, str | None]:
        """Return the form for `--output json`."""
        return {"code": self.code, "states": self.states, "outcome": self.outcome, "expected": self.expected,
                "received": self.received, "advice": self.advice}


def of_oauth(result: OAuthResult) -> Finding:
    """Return a check of the token endpoint with the words of its refusal."""
    reason = CATALOGUE.get(result.code)
    states = result.expected if result.holds or reason is None else reason.check
    return Finding(result.code, states, "passed" if result.holds else "failed", result.expected, result.received,
                   reason.advice if reason is not None and not result.holds else None)


def of_pki(result: PKIResult) -> Finding:
    """Return a check of a certificate or a request."""
    return Finding(result.code, result.states, result.outcome.value, result.expected, result.received, result.advice)


def report(what: str, findings: Sequence[Finding]) -> tuple[dict[str, Any], list[str]]:
    """Return the answer in both forms. It has passed when nothing failed and something was checked."""
    failed = [finding for finding in findings if finding.outcome == "failed"]
    passed = bool(findings) and not failed
    lines = [f"{_MARKS[finding.outcome]}  {finding.code}: {_said(finding)}" for finding in findings]
    for finding in failed:
        lines += ["", f"{finding.code}: {finding.states}", f"  expected    {finding.expected}", f"  received    {finding.received}"]
        lines += [f"  what to do  {finding.advice}"] if finding.advice else []
    lines += [] if failed else ["", f"{what} passes every check that can be made here"]
    return {"passed": passed, "checks": [finding.as_json() for finding in findings]}, lines


def _said(finding: Finding) -> str:
    if finding.outcome == "passed" and finding.received:
        return f"{finding.states} ({finding.received})"
    return finding.states
