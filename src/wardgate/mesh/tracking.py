"""What became of a message, for its sender: the long form of version 1 and the short one of version 2 (itk3-messaging 5.2)."""

from dataclasses import dataclass
from typing import Any

from wardgate.mesh.forms import iso_time, status_time
from wardgate.mesh.model import MailboxMessage, MessageType, Status, StatusReport
from wardgate.mesh.response_headers import ERROR, SUCCESS
from wardgate.mesh.versions import V1


@dataclass(frozen=True, slots=True)
class Party:
    """A mailbox and whose it is."""

    mailbox: str
    name: str = ""
    ods: str = ""
    organisation: str = ""


def tracking(version: int, message: MailboxMessage, sender: Party, recipient: Party) -> dict[str, Any]:
    """Return the answer of a version."""
    return _long(message, sender, recipient) if version == V1 else _short(message, recipient)


def _failure(message: MailboxMessage) -> StatusReport | None:
    return message.report if message.report is not None and not message.report.success else None


def _long(message: MailboxMessage, sender: Party, recipient: Party) -> dict[str, Any]:
    kept, failure = message.headers, _failure(message)
    compressed, encrypted = kept.get("mex-content-compressed", ""), kept.get("mex-content-encrypted", "")
    return {
        "addressType": "ALL", "checksum": kept.get("mex-content-checksum", ""), "chunkCount": message.total_chunks, "compressFlag": compressed,
        "contentEncoding": kept.get("content-encoding", ""), "downloadTimestamp": status_time(message.acknowledged_at), "dtsId": message.id,
        "encryptedFlag": encrypted, "expiryTime": status_time(message.expires),
        "failureDate": status_time(failure.at) if failure else None, "failureDiagnostic": failure.description if failure else None,
        "fileName": kept.get("mex-filename") or f"{message.id}.dat", "fileSize": message.size, "isCompressed": compressed,
        "linkedMsgId": message.linked_id, "localId": message.local_id, "meshRecipientOdsCode": recipient.ods, "messageId": message.id,
        "messageType": message.type.value.title(), "partnerId": kept.get("mex-partnerid", ""),
        "recipient": message.recipient, "recipientName": recipient.name, "recipientOrgCode": recipient.ods, "recipientOrgName": recipient.organisation,
        "recipientSmtp": "", "sender": message.sender, "senderName": sender.name, "senderOdsCode": sender.ods, "senderOrgCode": sender.ods,
        "senderOrgName": sender.organisation, "senderSmtp": "", "status": message.status.value.title(),
        "statusCode": failure.code if failure else None, "statusDescription": failure.description if failure else None,
        "statusEvent": failure.event if failure else None, "statusSuccess": SUCCESS if _succeeded(message) else ERROR,
        "statusTimestamp": status_time(failure.at) if failure else None, "subject": kept.get("mex-subject"),
        "uploadTimestamp": status_time(message.created), "version": "1.0", "workflowId": message.workflow,
    }


def _short(message: MailboxMessage, recipient: Party) -> dict[str, Any]:
    failure = _failure(message)
    return {
        "message_id": message.id, "local_id": message.local_id, "workflow_id": message.workflow, "filename": message.headers.get("mex-filename"),
        "expiry_time": iso_time(message.expires), "upload_timestamp": iso_time(message.created),
        "recipient": message.recipient, "recipient_name": recipient.name, "recipient_ods_code": recipient.ods, "recipient_org_code": recipient.ods,
        "recipient_org_name": recipient.organisation, "status_success": _succeeded(message), "status": message.status.value,
        "status_event": failure.event if failure else None, "status_timestamp": iso_time(failure.at) if failure else None,
        "status_description": failure.description if failure else None, "status_code": failure.code if failure else None,
    }


def _succeeded(message: MailboxMessage) -> bool:
    return message.type is MessageType.DATA and message.status not in {Status.UNDELIVERABLE, Status.ERROR} and _failure(message) is None
