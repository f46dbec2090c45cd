"""The routes of tests: only where a setting says so, and never in a live environment (itk3-messaging 5.6)."""

from collections.abc import Callable
from typing import Any

import pytest

from mesh_rows.place import URL, Place
from wardgate.messaging import MeshSettings

pytestmark = pytest.mark.anyio
TESTS = MeshSettings(test_routes=True, enforce_workflows=False)
PREFIXES = ("", "/messageexchange")


@pytest.mark.parametrize(("settings", "is_live"), [(MeshSettings(), False), (MeshSettings(), True), (TESTS, True)])
@pytest.mark.parametrize("prefix", PREFIXES)
async def test_otherwise_they_are_not_there(new_place: Callable[..., Any], settings: MeshSettings, is_live: bool, prefix: str) -> None:
    """Nothing is emptied."""
    async with new_place(settings, is_live=is_live) as place:
        await place.sent()
        for method, path in (("DELETE", "admin/reset"), ("DELETE", "admin/reset/BOB"), ("POST", "admin/report")):
            assert (await place.client.request(method, f"{prefix}/{path}")).status_code == 404
        assert len(await place.inbox()) == 1
        assert not place.app.handles("/admin/reset")


@pytest.mark.parametrize("prefix", PREFIXES)
async def test_a_reset(new_place: Callable[..., Any], prefix: str) -> None:
    """Of one mailbox, and of all; a large body is removed with its message."""
    async with new_place(TESTS) as place:
        await place.sent(b"x" * 100_000)
        await place.sent(to="CAROL")
        assert (await place.client.delete(f"{URL}{prefix}/admin/reset/bob")).json() == {"message": "mailbox BOB reset"}
        assert (await place.inbox(), len(await place.inbox("CAROL"))) == ([], 1)
        assert not [path for path in place.server.bodies._directory.rglob("*") if path.is_file()]
        assert (await place.client.delete(f"{URL}{prefix}/admin/reset")).status_code == 200
        assert await place.inbox("CAROL") == []
        assert (await place.client.delete(f"{URL}{prefix}/admin/reset/NOBODY")).status_code == 403


async def test_a_report(new_place: Callable[..., Any]) -> None:
    """It has no body, and says in its headers what became of which message."""
    async with new_place(TESTS) as place:
        asked = {"mailbox_id": "alice", "code": "14", "description": "Message not collected by recipient after 5 days", "workflow_id": "LETTERS",
                 "subject": "s", "local_id": "l", "linked_message_id": "M1"}
        made = (await place.client.post(f"{URL}/messageexchange/admin/report", json=asked)).json()["message_id"]
        answer = await place.call("ALICE", "GET", f"ALICE/inbox/{made}")
        told = {name: value for name, value in answer.headers.items() if name.startswith("mex-")}
        assert told.pop("mex-statustimestamp") == "20261121093020"
        assert (answer.status_code, answer.content) == (200, b"")
        assert told == {
            "mex-to": "ALICE", "mex-workflowid": "LETTERS", "mex-total-chunks": "0", "mex-addresstype": "ALL", "mex-localid": "l", "mex-filename": f"{made}.dat",
            "mex-subject": "NDR: s", "mex-version": "1.0", "mex-messagetype": "REPORT", "mex-messageid": made, "mex-linkedmsgid": "M1", "mex-statuscode": "14",
            "mex-statusevent": "SEND", "mex-statusdescription": "Message not collected by recipient after 5 days", "mex-statussuccess": "ERROR",
        }
        assert (await place.acknowledge(made, "ALICE")).status_code == 200


@pytest.mark.parametrize("body", [
    b"", b"[]", b"{", b"{}", b'{"mailbox_id":"ALICE"}', b'{"mailbox_id":"ALICE","code":"1","description":"d","workflow_id":"w","status":"fine"}',
    b'{"mailbox_id":"ALICE","code":"1","description":"a\\nb","workflow_id":"w"}', b"[" * 5_000, b"x" * 20_000,
])
async def test_a_report_of_another_form(new_place: Callable[..., Any], body: bytes) -> None:
    """It is refused."""
    async with new_place(TESTS) as place:
        assert (await place.client.post(f"{URL}/messageexchange/admin/report", content=body)).status_code == 400


async def test_workflows_may_be_anything(new_place: Callable[..., Any], place: Place) -> None:
    """Between mailboxes that there are, where a setting says so."""
    assert (await place.send(workflow="111")).status_code == 417
    async with new_place(TESTS) as tests:
        assert (await tests.send(workflow="111", to="CAROL")).status_code == 202
        assert (await tests.send(workflow="111", to="NOBODY")).status_code == 417
        assert (await tests.send(workflow="111", to="DAVE")).status_code == 417
