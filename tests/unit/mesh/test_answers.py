"""Answers and reports that no flow shows: failures in tracking, reports of both kinds, errors in both versions (itk3-messaging 5.2 to 5.5)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from wardgate.mesh import bodies, reports
from wardgate.mesh.model import MailboxMessage, MessageType, Status, StatusReport
from wardgate.mesh.response_headers import message_headers
from wardgate.mesh.tracking import Party, tracking
from wardgate.refusals import CATALOGUE, Area
from wardgate.refusals.dialects import Dialect, body, mesh_body
from wardgate.refusals.mesh import EVENTS, SHAPES, Shape

AT = datetime(2026, 11, 21, 9, 30, 20, tzinfo=UTC)
MESSAGE = MailboxMessage(
    "M1", MessageType.DATA, "ALICE", "BOB", "LETTERS", Status.ACCEPTED, AT, 1, {"mex-subject": "s"}, local_id="l", accepted_at=AT, expires=AT, size=5,
)


@pytest.mark.parametrize(("deactivated", "text"), [
    (False, "Message not collected by recipient after 5 days"), (True, "Message was not collected as the mailbox is deactivated"),
])
def test_a_report_of_what_was_not_collected(deactivated: bool, text: str) -> None:
    """It goes to the sender, names the message, and has its local id."""
    made = reports.not_collected(MESSAGE, "R1", AT, 5, deactivated=deactivated)
    assert made == MailboxMessage(
        "R1", MessageType.REPORT, "", "ALICE", "LETTERS", Status.ACCEPTED, AT, 0, {"mex-subject": "NDR: s"}, local_id="l", linked_id="M1",
        report=StatusReport("SEND", "14", text, success=False, at=AT), accepted_at=AT,
    )
    assert reports.not_collected(replace(MESSAGE, headers={}), "R1", AT, 5).headers == {"mex-subject": "NDR"}
    told = dict(message_headers(made, 1))
    assert (told[b"mex-statussuccess"], told[b"mex-statuscode"], told[b"mex-linkedmsgid"], told[b"mex-messagetype"]) == (b"ERROR", b"14", b"M1", b"REPORT")
    assert b"mex-from" not in told


def test_tracking_of_a_failure() -> None:
    """Both versions say what, when and why."""
    failed = replace(MESSAGE, status=Status.UNDELIVERABLE, report=StatusReport("SEND", "14", "why", success=False, at=AT))
    long, short = (tracking(version, failed, Party("ALICE"), Party("BOB")) for version in (1, 2))
    assert (long["status"], long["statusSuccess"], long["failureDate"], long["failureDiagnostic"], long["statusCode"]) == (
        "Undeliverable", "ERROR", "20261121093020", "why", "14")
    assert (short["status"], short["status_success"], short["status_code"], short["status_timestamp"]) == ("undeliverable", False, "14", "2026-11-21T09:30:20.000Z")
    assert tracking(2, replace(MESSAGE, status=Status.UPLOADING, expires=None), Party("ALICE"), Party("BOB"))["expiry_time"] is None


def test_headers_of_an_upload() -> None:
    """Nothing became of it yet."""
    told = dict(message_headers(replace(MESSAGE, status=Status.UPLOADING, accepted_at=None), 1))
    assert not any(name.startswith(b"mex-status") for name in told)


def test_a_link_is_a_path() -> None:
    """With what was asked, encoded."""
    page = bodies.inbox(2, "BOB", ["M1"], more="a/b=", approximate_count=7, asked={"max_results": 10, "workflow_filter": "!*A&B*"})
    assert page == {"messages": ["M1"], "approx_inbox_count": 7, "links": {
        "self": "/messageexchange/BOB/inbox?max_results=10&workflow_filter=%21%2AA%26B%2A",
        "next": "/messageexchange/BOB/inbox?max_results=10&workflow_filter=%21%2AA%26B%2A&continue_from=a%2Fb%3D",
    }}
    assert bodies.inbox_path("BOB", {"max_results": None}) == "/messageexchange/BOB/inbox"


def test_every_row_has_a_shape() -> None:
    """And those that are errors an event, if only an empty one."""
    codes = {row.code for row in CATALOGUE.values() if row.area is Area.MESH}
    assert codes == SHAPES.keys()
    assert EVENTS.keys() == {code for code in codes if SHAPES[code] is Shape.ERROR}
    assert all(CATALOGUE[code].error == "" for code in codes if SHAPES[code] is Shape.PLAIN)


def test_what_is_said_of_rows_of_others() -> None:
    """Such as by Envoy, before the mailbox server is reached: in version 1, without an event."""
    row = CATALOGUE["api-key-missing"]
    assert body(Dialect.MESH, row, lambda text: text, "id") == {"errorEvent": "", "errorCode": row.error, "errorDescription": row.text}
    assert mesh_body(2, row, lambda text: text, "id", message_id="M1") == {
        "message_id": "M1", "internal_id": "id", "detail": [{"event": "", "code": row.error, "msg": row.text}]}
