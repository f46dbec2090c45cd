"""A token is used once, by the answer that it had; not by one after which clients send the same again (itk3-messaging 5.1)."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mesh_rows.place import Down, Place, certificate, forwarded
from wardgate.audit.model import EventType
from wardgate.messaging import MeshSettings

pytestmark = pytest.mark.anyio


async def test_of_many_at_once_one_is_answered(place: Place) -> None:
    """Twenty requests with one token: one acts, the others are told, and each is recorded."""
    token = place.token("ALICE")
    answers = await asyncio.gather(*(place.send(Authorization=token) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [202] + [403] * 19
    assert {answer.headers.get("x-wardgate-reason") for answer in answers} == {None, "mesh-token-used"}
    assert len(await place.inbox()) == 1
    assert [event["reason"] for event in place.record(EventType.MAILBOX_REFUSED)] == ["mesh-token-used"] * 19


async def test_it_is_used_up_however_it_is_written(place: Place) -> None:
    """Hex digits count alike in capitals: they make no second token of the first."""
    token = place.token("ALICE")
    head, _, made = token.rpartition(":")
    assert (await place.send(Authorization=token)).status_code == 202
    again = await place.send(Authorization=f"{head}:{made.upper()}")
    assert (again.status_code, again.headers.get("x-wardgate-reason")) == (403, "mesh-token-used")


@pytest.mark.parametrize(("method", "path", "headers"), [
    ("GET", "ALICE/inbox", {}), ("GET", "ALICE/count", {}), ("GET", "endpointlookup/Z9X02/LETTERS", {}), ("GET", "workflowsearch/LETTERS", {}),
    ("POST", "ALICE", {"Mex_ClientVersion": "1", "Mex_OSName": "a", "Mex_OSVersion": "1"}), ("GET", "ALICE/outbox/tracking?messageID={id}", {}),
    ("GET", "ALICE/outbox/tracking/mine", {}), ("HEAD", "ALICE/inbox/{id}", {}), ("GET", "ALICE/inbox/{id}", {}), ("PUT", "ALICE/inbox/{id}/status/acknowledged", {}),
    ("GET", "ALICE/inbox/none", {}), ("GET", "ALICE/inbox?max_results=1", {}), ("POST", "ALICE/outbox", {}),
])
async def test_every_call_uses_it_up(place: Place, method: str, path: str, headers: dict[str, str]) -> None:
    """Also one that is refused."""
    message_id = await place.sent(to="ALICE", Mex_LocalID="mine")
    token = place.token("ALICE")
    first = await place.call("ALICE", method, path.replace("{id}", message_id), Authorization=token, **headers)
    assert first.status_code != 403
    again = await place.call("ALICE", method, path.replace("{id}", message_id), Authorization=token, **headers)
    assert (again.status_code, again.headers["x-wardgate-reason"]) == (403, "mesh-token-used")


async def test_a_store_that_is_down_uses_nothing_up(place: Place) -> None:
    """The same request, sent again when it is there, is answered."""
    mailboxes, token = place.server.mailboxes, place.token("BOB")
    object.__setattr__(place.server, "mailboxes", Down())
    down = await place.call("BOB", "GET", "BOB/inbox", Authorization=token)
    assert (down.status_code, down.headers["retry-after"]) == (503, "1")
    object.__setattr__(place.server, "mailboxes", mailboxes)
    assert (await place.call("BOB", "GET", "BOB/inbox", Authorization=token)).status_code == 200


async def test_it_may_be_used_up_by_that_too(new_place: Callable[..., Any]) -> None:
    """By a setting: then who sends the same again is told that it was used."""
    async with new_place(MeshSettings(consume_token_on_5xx=True)) as place:
        mailboxes, token = place.server.mailboxes, place.token("BOB")
        object.__setattr__(place.server, "mailboxes", Down())
        assert (await place.call("BOB", "GET", "BOB/inbox", Authorization=token)).status_code == 503
        object.__setattr__(place.server, "mailboxes", mailboxes)
        again = await place.call("BOB", "GET", "BOB/inbox", Authorization=token)
        assert (again.status_code, again.headers["x-wardgate-reason"]) == (403, "mesh-token-used")


@pytest.mark.parametrize(("minutes", "status"), [(-121, 403), (-120, 200), (0, 200), (119, 200), (121, 403)])
async def test_two_hours_either_way(place: Place, minutes: int, status: int) -> None:
    """Our clock is at 20 seconds past; tokens have whole minutes."""
    token = place.token("BOB", now=place.now.replace(second=0) + timedelta(minutes=minutes, seconds=60 if minutes == -120 else 0))
    assert (await place.call("BOB", "GET", "BOB/inbox", Authorization=token)).status_code == status


@pytest.mark.parametrize(("mailbox", "shown", "status"), [
    ("ALICE", certificate("ALICE"), 200), ("ALICE", certificate("BOB"), 403), ("ALICE", None, 403), ("ALICE", "not a header", 403),
    ("ALICE", forwarded("pc1.z9x01.api.mesh-client.nhs.uk", "pc2.z9x01.api.mesh-client.nhs.uk"), 403), ("FRANK", forwarded("frank.example.nhs.uk"), 200),
    ("FRANK", certificate("FRANK"), 403), ("ALICE", f"{certificate('ALICE')},{certificate('ALICE')}", 403),
])
async def test_the_certificate_must_be_the_mailboxes(place: Place, mailbox: str, shown: str | None, status: int) -> None:
    """One that it lists; or, where it lists none, one of its organisation."""
    answer = await place.call(mailbox, "GET", f"{mailbox}/inbox", X_Forwarded_Client_Cert=shown)
    assert (answer.status_code, answer.headers.get("x-wardgate-reason")) == (status, None if status == 200 else "mesh-certificate-of-another")


async def test_the_binding_may_be_relaxed(new_place: Callable[..., Any]) -> None:
    """By a setting."""
    async with new_place(MeshSettings(bind_certificate=False)) as place:
        assert (await place.call("ALICE", "GET", "ALICE/inbox", X_Forwarded_Client_Cert=None)).status_code == 200
