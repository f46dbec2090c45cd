"""What the record says of the directory."""

import json

from unit.directory.samples import AT, ENDPOINT, PROVIDER, ROLE, SYSTEM
from wardgate.audit.canonical import canonical
from wardgate.audit.model import EventType
from wardgate.audit.redact import redact
from wardgate.directory import Directory, events, onboarding
from wardgate.directory.exchange import FileForm, take
from wardgate.directory.ldif import write
from wardgate.directory.onboarding import Evidence, EvidenceKind

TOLD = {"by": "command line", "operator": "root"}


def test_every_step_is_an_event() -> None:
    """Which system, which step, where it stands, who and why, at the time of the step; granted message sets by name."""
    requested = onboarding.request(SYSTEM.asid, "int", ["NRL", "GPConnect-Appointments-1"], by="supplier", at=AT)
    given = onboarding.give_evidence(requested, Evidence(EvidenceKind.TEST_RESULTS, "run 7"), by="supplier", at=AT)
    approved = onboarding.approve(given, ["NRL", "GPConnect-Appointments-1"], by="assurer", at=AT, note="all seen")
    first, last = events.stepped(requested, TOLD), events.stepped(approved, TOLD)
    assert (first.type, first.at) == (EventType.SYSTEM_STEPPED, AT)
    assert first.details == {"asid": "200000100001", "step": "request", "state": "requested", "environment": "int", "taken_by": "supplier", **TOLD}
    assert last.details == {
        "asid": "200000100001", "step": "approve", "state": "approved", "environment": "int", "taken_by": "assurer", "note": "all seen",
        "granted": "NRL, GPConnect-Appointments-1", **TOLD,
    }  # fmt: skip


def test_a_file_is_an_event() -> None:
    """How much of it was new, and nothing of what it held."""
    taken = take(Directory(), write([SYSTEM, PROVIDER, ENDPOINT]), FileForm.LDIF, environment="demo", by="operator", at=AT)
    event = events.imported(taken, FileForm.LDIF, TOLD, AT)
    assert event.details == {"form": "ldif", "added": 3, "changed": 0, "unchanged": 0, **TOLD}
    assert events.changed(1, 2, TOLD, AT).details == {"put": 1, "removed": 2, **TOLD}
    stored = str(json.loads(canonical(redact(event, b"k" * 32))))
    assert ROLE not in stored
    assert SYSTEM.asid not in stored
