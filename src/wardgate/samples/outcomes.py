"""A request that a sample API does not grant, in Spine's codes (spine 8.2)."""

from collections.abc import Mapping
from typing import Any

from wardgate.refusals.operation_outcome import Form, Issue, outcome
from wardgate.refusals.spine_codes import SpineCode


class Refused(Exception):
    """One Spine code with its diagnostics. The code's row, and with it the status, is the API's own."""

    def __init__(self, code: str, diagnostics: str) -> None:
        super().__init__(code)
        self.code = code
        self.diagnostics = diagnostics


def body_of(form: Form, row: SpineCode, identifier: str, diagnostics: str | None = None, text: str | None = None) -> dict[str, Any]:
    """Return the OperationOutcome of a code."""
    return outcome(form, (Issue(row.severity, row.issue, row.code, row.display, diagnostics, text),), identifier)


Codes = Mapping[str, SpineCode]
