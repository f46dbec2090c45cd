"""A message from one mailbox to another: sent, listed, read, acknowledged and tracked, in both versions (itk3-messaging 5.2)."""

import pytest

from mesh_rows.place import NOW, V1, Place
from wardgate.audit.model import EventType

pytestmark = pytest.mark.anyio


async def test_a_message_arrives(place: Place) -> None:
    """It is listed, read with its headers, acknowledged, and then gone."""
    message_id = await place.sent(
        b"Dear Bob", Mex_Subject="About a patient", Mex_LocalID="local-1", Mex_FileName="letter.xml", Mex_PartnerID="partner", Mex_Content_Encrypted="Y",
        Content_Type="application/xml", Mex_Content_Checksum="md5 0123",
    )
    assert await place.inbox() == [message_id]
    answer = await place.call("BOB", "GET", f"BOB/inbox/{message_id}")
    assert (answer.status_code, answer.content) == (200, b"Dear Bob")
    told = {name: value for name, value in answer.headers.items() if name.startswith(("mex-", "content-"))}
    assert told.pop("mex-statustimestamp") == NOW.strftime("%Y%m%d%H%M%S")
    assert told == {
        "content-type": "application/xml", "content-length": "8", "mex-from": "ALICE", "mex-from-ods": "Z9X01", "mex-to": "BOB", "mex-workflowid": "LETTERS",
        "mex-chunk-range": "1:1", "mex-total-chunks": "1", "mex-addresstype": "ALL", "mex-localid": "local-1", "mex-partnerid": "partner",
        "mex-filename": "letter.xml", "mex-subject": "About a patient", "mex-version": "1.0", "mex-messagetype": "DATA", "mex-messageid": message_id,
        "mex-statuscode": "00", "mex-statusevent": "TRANSFER", "mex-statusdescription": "Transferred to recipient mailbox", "mex-statussuccess": "SUCCESS",
        "mex-content-encrypted": "Y", "mex-content-checksum": "md5 0123", "mex-content-type": "application/xml",
    }
    assert answer.headers["last-modified"] == "Sat, 21 Nov 2026 09:30:20 GMT"
    for _ in range(2):
        acknowledged = await place.acknowledge(message_id)
        assert (acknowledged.status_code, acknowledged.content) == (200, b"")
    assert await place.inbox() == []


async def test_the_same_in_version_1(place: Place) -> None:
    """Every call has the body of version 1."""
    message_id = await place.sent(b"Dear Bob", Content_Type="application/xml")
    listed = await place.call("BOB", "GET", "BOB/inbox", accept=V1)
    assert (listed.json(), listed.headers["content-type"]) == ({"messages": [message_id]}, "application/json")
    read = await place.call("BOB", "GET", f"BOB/inbox/{message_id}", accept=V1)
    assert (read.content, read.headers["content-type"]) == (b"Dear Bob", "application/octet-stream")
    counted = await place.call("BOB", "GET", "BOB/count", accept=V1)
    assert counted.json() == {"count": 1, "internalID": counted.json()["internalID"], "allResultsIncluded": True}
    done = await place.call("BOB", "PUT", f"BOB/inbox/{message_id}/status/acknowledged", accept=V1)
    assert done.json() == {"messageId": message_id}
    sent = await place.call("ALICE", "POST", "ALICE/outbox", b"x", accept=V1, Mex_To="BOB", Mex_WorkflowID="LETTERS", Mex_Chunk_Range="1:2")
    begun = sent.json()["messageID"]
    assert (sent.status_code, sent.json()) == (202, {"messageID": begun})
    chunk = await place.call("ALICE", "POST", f"ALICE/outbox/{begun}/2", b"y", accept=V1, Mex_Chunk_Range="2:2")
    assert (chunk.status_code, chunk.json()) == (202, {"messageID": begun, "blockID": 2})


async def test_a_handshake(place: Place) -> None:
    """By POST and by GET, with a client that says what it is; in small letters the path is the same."""
    client = {"Mex_ClientVersion": "1", "Mex_OSName": "Linux", "Mex_OSVersion": "6"}
    for method in ("POST", "GET"):
        answer = await place.call("ALICE", method, "ALICE", **client)
        assert (answer.status_code, answer.content) == (200, b"")
    assert (await place.call("ALICE", "POST", "alice", accept=V1, **client)).json() == {"mailboxId": "ALICE"}


async def test_a_ping_needs_no_token(place: Place) -> None:
    """Nothing at all is asked of the caller."""
    answer = await place.client.get("/messageexchange/_ping")
    assert (answer.status_code, answer.json()) == (200, {"status": "running", "outcome": "Yes"})


async def test_what_is_recorded(place: Place) -> None:
    """Each step once, with ids, workflow and size; nothing of headers or content in clear."""
    message_id = await place.sent(b"Dear Bob", Mex_Subject="Mrs Anne Teak", Mex_LocalID="9990000018", Mex_FileName="anne-teak.xml")
    for _ in range(2):
        await place.call("BOB", "GET", f"BOB/inbox/{message_id}")
    for _ in range(2):
        await place.acknowledge(message_id)
    events = place.record()
    assert [event["type"] for event in events] == [EventType.MAILBOX_ACCEPTED, EventType.MAILBOX_DOWNLOADED, EventType.MAILBOX_ACKNOWLEDGED]
    for event, mailbox in zip(events, ("ALICE", "BOB", "BOB"), strict=True):
        details = event["details"]
        assert details.pop("local_id") != "9990000018"
        assert details == {
            "mailbox": mailbox, "mex_message_id": message_id, "sender": "ALICE", "recipient": "BOB", "workflow": "LETTERS", "bytes": 8, "chunks": 1,
        }
        assert event["message_id"] == message_id
    assert not any(secret in str(events) for secret in ("Teak", "teak", "9990000018", "Dear"))


async def test_tracking(place: Place) -> None:
    """The sender learns what became of it, by id in both versions and by its own id."""
    message_id = await place.sent(b"Dear Bob", Mex_Subject="s", Mex_LocalID="local 1", Mex_Content_Compressed="Y")
    short = (await place.call("ALICE", "GET", f"ALICE/outbox/tracking?messageID={message_id.lower()}")).json()
    times = (short.pop("upload_timestamp"), short.pop("expiry_time"))
    assert (times[0][:19], times[1][:19]) == ("2026-11-21T09:30:20", "2026-11-26T09:30:20")
    assert short == {
        "message_id": message_id, "local_id": "local 1", "workflow_id": "LETTERS", "filename": None, "recipient": "BOB", "recipient_name": "Bob's",
        "recipient_ods_code": "Z9X02", "recipient_org_code": "Z9X02", "recipient_org_name": "Practice Z9X02", "status_success": True, "status": "accepted",
        "status_event": None, "status_timestamp": None, "status_description": None, "status_code": None,
    }
    await place.acknowledge(message_id)
    long = (await place.call("ALICE", "GET", f"ALICE/outbox/tracking?messageID={message_id}", accept=V1)).json()
    assert long == (await place.call("ALICE", "GET", "ALICE/outbox/tracking/local%201")).json()
    assert {name: long[name] for name in ("status", "downloadTimestamp", "uploadTimestamp", "expiryTime", "statusSuccess", "compressFlag", "dtsId")} == {
        "status": "Acknowledged", "downloadTimestamp": "20261121093020", "uploadTimestamp": "20261121093020", "expiryTime": "20261126093020",
        "statusSuccess": "SUCCESS", "compressFlag": "Y", "dtsId": message_id,
    }
    assert set(long) >= {
        "addressType", "checksum", "chunkCount", "contentEncoding", "failureDate", "failureDiagnostic", "fileName", "fileSize", "linkedMsgId", "localId",
        "meshRecipientOdsCode", "messageId", "messageType", "partnerId", "recipient", "recipientName", "recipientOrgCode", "recipientOrgName", "sender",
        "senderName", "senderOdsCode", "senderOrgCode", "senderOrgName", "statusCode", "statusDescription", "statusEvent", "statusTimestamp", "subject",
        "version", "workflowId",
    }


async def test_look_ups(place: Place) -> None:
    """Where an organisation takes a workflow's messages; responses go where requests come from; nobody is an answer too."""
    found = await place.call("ALICE", "GET", "endpointlookup/Z9X02/LETTERS")
    assert found.json() == {"results": [{"mailbox_id": "BOB", "mailbox_name": "Bob's"}]}
    old = (await place.call("ALICE", "GET", "endpointlookup/Z9X02/LETTERS", accept=V1)).json()
    assert old == {"query_id": old["query_id"], "results": [{"address": "BOB", "description": "Bob's", "endpoint_type": "MESH"}]}
    assert (await place.call("ALICE", "GET", "endpointlookup/Z9X03/LETTERS")).json() == {"results": []}
    takers = (await place.call("ALICE", "GET", "workflowsearch/LETTERS_ACK")).json()["results"]
    assert [taker["mailbox_id"] for taker in takers] == ["ALICE", "FRANK"]


async def test_the_headers_alone(place: Place) -> None:
    """The recipient and the sender may see them, the sender whatever became of the message."""
    message_id = await place.sent(b"Dear Bob")
    for mailbox in ("BOB", "ALICE"):
        answer = await place.call(mailbox, "HEAD", f"{mailbox}/inbox/{message_id}")
        assert (answer.status_code, answer.content, answer.headers["mex-messageid"]) == (200, b"", message_id)
    await place.acknowledge(message_id)
    assert (await place.call("ALICE", "HEAD", f"ALICE/inbox/{message_id}")).status_code == 200
    gone = await place.call("BOB", "HEAD", f"BOB/inbox/{message_id}")
    assert (gone.status_code, gone.content) == (410, b"")
