"""Responses that are refused: a response is a message too."""

from copy import deepcopy
from typing import Any, Final

import pytest

from unit.itk3.changes import HEADER, Change, header, keys, put
from unit.itk3.sample import NOW, SENDER, counted, letter
from wardgate.fhir import Version
from wardgate.itk3 import NotAccepted, accept, bundle_of, respond

RESPONSES: Final[tuple[tuple[str, str, str, Change], ...]] = (
    ("no details", "20006", f"{HEADER}.response.details.reference", lambda b: header(b)["response"].pop("details")),
    ("no identifier", "20006", f"{HEADER}.response", lambda b: header(b)["response"].pop("identifier")),
    ("another code", "20006", f"{HEADER}.response", lambda b: put(header(b)["response"], "code", "fine")),
    ("an outcome that is none", "20006", "Bundle.entry[1].resource", lambda b: put(header(b)["response"]["details"], "reference", b["entry"][1]["fullUrl"])),
    ("no issue", "20006", "Bundle.entry[2].resource.OperationOutcome.issue", lambda b: b["entry"][2]["resource"].pop("issue")),
    ("an issue without display", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0].details.coding", lambda b: issue(b)["details"]["coding"][0].pop("display")),
    ("an issue of another system", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0].details.coding", lambda b: put(issue(b)["details"]["coding"][0], "system", "https://x")),
    ("an issue with a code of nobody", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0].details.coding[0].code", lambda b: put(issue(b)["details"]["coding"][0], "code", "10006")),
    ("an issue without severity", "20006", "Bundle.entry[2].resource.OperationOutcome.issue[0]", lambda b: issue(b).pop("severity")),
    ("ok that is not", "20006", f"{HEADER}.response.code", lambda b: put(header(b)["response"], "code", "fatal-error")),
    ("a response with another event", "20006", f"{HEADER}.response", lambda b: put(header(b)["event"], "code", "ITK012M")),
    ("a response that asks for business", "10008", f"{HEADER}.extension", lambda b: put(keys(b)[0], "valueBoolean", True)),
)  # fmt: skip


def issue(bundle: dict[str, Any]) -> dict[str, Any]:
    """The issue of a response."""
    found: dict[str, Any] = bundle["entry"][2]["resource"]["issue"][0]
    return found


@pytest.mark.parametrize(("code", "where", "change"), [row[1:] for row in RESPONSES], ids=[row[0] for row in RESPONSES])
def test_responses_that_are_refused(code: str, where: str, change: Change) -> None:
    """A response is a message too."""
    bundle = deepcopy(bundle_of(respond(letter(), "20013", sender=SENDER, endpoint="X26OT001", now=NOW, random=counted())))
    assert accept(bundle, Version.STU3).is_response
    change(bundle)
    with pytest.raises(NotAccepted) as refused:
        accept(bundle, Version.STU3)
    assert (code, where) in [(one.code, one.where) for one in refused.value.problems]
