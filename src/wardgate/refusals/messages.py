"""Refusals of messages: what a seal, a message or its policy can be refused for (itk3-messaging 1.8, 6, 7).

`error` is the ITK response code that a receiver answers with, where one is answered; the text is that code's display, and says
nothing of which check failed: the reason itself goes to the record (RFC 7516 section 11.5). In the order in which a message is opened.
A message is no HTTP request: the status is that of a server which is asked to open one.
"""

from enum import StrEnum
from typing import Final

from wardgate.refusals.reason import Area, Fixer, Reason


class Failure(StrEnum):
    """The class of a failure: the member `failure` of what commands and the SDK answer."""

    TRANSPORT = "transport"
    MALFORMED = "malformed"
    CANNOT_DECRYPT = "cannot-decrypt"
    NOT_TRUSTED = "not-trusted"
    ALTERED = "altered-or-out-of-context"
    STALE = "replay-or-stale"
    NOT_ALLOWED = "not-allowed"
    INVALID = "invalid-itk3"


_FAILURES: dict[str, Failure] = {}


def _row(code: str, failure: Failure, response: str, text: str, check: str, advice: str, fixer: Fixer = Fixer.CALLER, source: str = "itk3-messaging 6") -> Reason:
    _FAILURES[code] = failure
    return Reason(code, Area.MESSAGES, 422, response, text, check, advice, fixer=fixer, source=source)


_UNREADABLE: Final = ("10009", "Unreadable message received")
_UNAUTHORISED: Final = ("20012", "Unauthorised Sender")
_HEADER: Final = ("20006", "ITK header validation failure")
_SAY: Final = "the sender"
_PUBLISH: Final = "publish the key in the directory: `wardgate message keys publish`"

# fmt: off
MESSAGES: Final = (
    # opening a seal, in its fixed order
    _row("seal-too-large", Failure.MALFORMED, "20015", "Message too large", "the message, and what it unfolds to, is within the limits", "send less, or raise the limit by agreement"),
    _row("seal-malformed", Failure.MALFORMED, *_UNREADABLE, "the seal is one strict structure of its kind, without repeated members", "seal again with a tool that writes the standard form"),
    _row("seal-algorithm-refused", Failure.NOT_TRUSTED, *_UNAUTHORISED, "every algorithm, type and header member is on the list of those spoken", "use ES256 or PS256, A256GCM, ECDH-ES+A256KW or RSA-OAEP-256, and no compression"),
    _row("seal-suite-refused", Failure.NOT_ALLOWED, *_UNAUTHORISED, "the workflow allows this kind of seal", "use a suite that the workflow lists"),
    _row("seal-not-for-us", Failure.CANNOT_DECRYPT, *_UNREADABLE, "one of the recipients is a key that we hold", "seal to the receiver's newest encryption key in the directory"),
    _row("seal-undecryptable", Failure.CANNOT_DECRYPT, *_UNREADABLE, "the content decrypts, and nothing of it was changed", "seal again; the receiver cannot say more"),
    _row("seal-signature-missing", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the message is signed, and all of it", "sign the message"),
    _row("seal-encryption-missing", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the message is encrypted to its recipients", "encrypt the message: the workflow requires it"),
    _row("signer-unknown", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the directory knows the signer's key", _PUBLISH),
    _row("signer-untrusted", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signer's certificate chains to an authority that is trusted for its organisation", "add the authority: `wardgate message keys trust`", Fixer.OPERATOR),
    _row("signer-expired", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signer's certificate was in date when it signed, as a time-stamp shows, and is in date now unless one does", "sign with a certificate that is in date, or have signatures time-stamped"),
    _row("signer-revoked", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signer's certificate was not revoked before it signed, as a time-stamp shows", "sign with a key that is not revoked"),
    _row("signer-revocation-unknown", Failure.NOT_TRUSTED, *_UNAUTHORISED, "a revocation list of the signer's authority is at hand and in date", "import the authority's list: `wardgate message keys revocations`", Fixer.OPERATOR),
    _row("signer-key-usage", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signer's certificate is for digital signatures", "sign with a certificate whose key usage is digitalSignature"),
    _row("signer-organisation", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signer's certificate is the sending organisation's", "sign with a key of the organisation that sends"),
    _row("signature-invalid", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signature covers these bytes", "send what was signed, unchanged"),
    _row("signature-wrapped", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signature covers the element that is read, in its own place, and there is one", "sign the whole document"),
    _row("signature-purpose", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signature is made for the purpose that is asked", "state the purpose when signing"),
    _row("signer-role", Failure.NOT_ALLOWED, *_UNAUTHORISED, "the signer acts in a role that the workflow requires", "have the message signed by somebody in such a role"),
    _row("time-stamp-missing", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the signature has a time-stamp, which the workflow requires", "have the signature time-stamped"),
    _row("time-stamp-invalid", Failure.NOT_TRUSTED, *_UNAUTHORISED, "the time-stamp is over this signature, by an authority that is trusted to tell the time", "have the signature time-stamped by a trusted authority"),
    _row("seal-context", Failure.ALTERED, *_HEADER, "sender, recipients, workflow, event and ids are the same in the seal, in the transport and in the message", "seal for the mailbox and workflow the message is sent by"),
    _row("seal-stale", Failure.STALE, *_HEADER, "the signing time is at most 35 days ago and 5 minutes ahead", "seal again; set the sender's clock"),
    _row("message-seen", Failure.STALE, "20007", "Duplicate Message received", "no other message of this sender had this id", "give every message an id of its own", source="itk3-messaging 1.6"),
    _row("document-seen", Failure.STALE, "20008", "Duplicate Document received", "no other message of this sender had this document", "give every document an id of its own", source="itk3-messaging 1.6"),
    # the workflow's policy
    _row("workflow-unknown", Failure.NOT_ALLOWED, *_UNAUTHORISED, "the workflow is stated", "state the workflow in the manifest", Fixer.OPERATOR),
    _row("sender-not-allowed", Failure.NOT_ALLOWED, *_UNAUTHORISED, "the workflow lists the sender", "ask for the mailbox to be added to the workflow's senders", Fixer.OPERATOR),
    _row("recipient-not-allowed", Failure.NOT_ALLOWED, "20002", "Unrecognised Recipient Organisation", "the workflow lists the recipient", "ask for the mailbox to be added to the workflow's receivers", Fixer.OPERATOR),
    _row("event-not-allowed", Failure.NOT_ALLOWED, *_UNAUTHORISED, "the workflow carries this message event", "send it on the event's own workflow"),
    _row("document-type-not-allowed", Failure.NOT_ALLOWED, *_UNAUTHORISED, "the workflow carries this type of document", "send it on a workflow for such documents"),
    _row("confidentiality-not-allowed", Failure.NOT_ALLOWED, *_UNAUTHORISED, "the workflow carries documents of this confidentiality", "send it on a workflow for such documents"),
    # the message itself, and what becomes of it: the code of an invalid one is that of what is wrong with it
    _row("message-invalid", Failure.INVALID, *_HEADER, "the message is a valid one of ITK3, and for us", "send what `wardgate message verify` finds nothing wrong with", source="itk3-messaging 1.8"),
    _row("response-unexpected", Failure.NOT_ALLOWED, *_UNAUTHORISED, "a response answers a message of ours, is one that is still due, and comes from where the message went", "answer by the mailbox and the workflow that the message came to", source="itk3-messaging 1.7"),
    _row("response-negative", Failure.NOT_ALLOWED, "", "The recipient refused the message", "the recipient's response is a positive one", "see the response's code: `wardgate message track`", source="itk3-messaging 1.6"),
    _row("response-overdue", Failure.TRANSPORT, "", "No response came", "every response that was asked for comes in time", "ask the recipient; the response counts whenever it comes", Fixer.OPERATOR, "itk3-messaging 1.7"),
    _row("message-not-taken", Failure.TRANSPORT, "", "The mailbox server refused the message", "the mailbox server takes the message", "see what it said: `wardgate message track`; then `wardgate message dead replay`", Fixer.OPERATOR, "itk3-messaging 5.5"),
    _row("message-not-sent", Failure.TRANSPORT, "", "The message could not be sent", "the mailbox server can be asked within the tries that there are", "see that it can be reached: `wardgate mesh account check`; then `wardgate message dead replay`", Fixer.OPERATOR, "itk3-messaging 5.4"),
    _row("message-not-collected", Failure.TRANSPORT, "", "The message was not collected", "the recipient collects the message in time", "ask the recipient; then `wardgate message dead replay`", source="itk3-messaging 5.5"),
    _row("message-not-processed", Failure.TRANSPORT, "", "The message could not be processed here", "what came in can be read from the store and handled within the tries that there are", "see the log; then `wardgate message dead replay`", Fixer.OPERATOR, "itk3-messaging 1.6"),
    # sealing
    _row("recipient-key-unknown", Failure.NOT_TRUSTED, "20002", "Unrecognised Recipient Organisation", "the directory has an encryption key of the recipient", _PUBLISH),
    _row("recipient-key-unusable", Failure.NOT_TRUSTED, "20002", "Unrecognised Recipient Organisation", "the recipient's encryption key is in date, is not revoked, and chains to an authority trusted for it", _PUBLISH),
    _row("signing-key-unavailable", Failure.NOT_TRUSTED, *_UNAUTHORISED, "we hold a signing key of the sending organisation that is in date", "make one: `wardgate message keys new`", Fixer.OPERATOR),
)
# fmt: on
FAILURES: Final = _FAILURES
"""The class of each reason's failure."""
