"""`events.md`: every kind of record, when it is written, and the details it may have."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from wardgate.audit.model import EventType

INTRODUCTION: Final = """\
# Events

The record (`wardgate audit tail|export|verify`, `wardgate explain`) is a chain of events. The body of a record is JSON in
canonical form (RFC 8785) with these members; those that are absent have no member:

| member | meaning |
|---|---|
| `type` | one of the types below |
| `at` | when, in UTC, to the microsecond |
| `outcome` | `allowed` or `refused`; absent on events that nobody asked for |
| `reason` | the code of a [refusal](refusals.md) |
| `application` | the application, by name, as soon as a credential names one; it is proved where the outcome is `allowed`, and in refusals with the detail `authenticated` |
| `message_id` | the id of our answer |
| `request_id` | the caller's `X-Request-ID`, or the one made for it |
| `correlation_id` | the caller's `X-Correlation-ID` |
| `details` | the members named with each type |

Around the body, a record has a number (`seq`) and a `hash` over its body and the record before it.

**What is never in a record:** keys, tokens, assertions, private keys, bodies, and paths as they were asked for, which may hold
a patient's identifier (the route's template stands instead). What is about a person, such as the caller's network address,
is a keyed hash (`{"hmac_sha256": …}`): equal values can be matched, and nobody without the store key can tell what they were.
Texts have at most 512 characters, details at most 64 members.

**Patients.** A call between systems (a route by ASID, a translated one, the secure proxy) is recorded with whom it is about: NHS numbers of the token,
the path and the query, in all the forms that the APIs use, if their check digit is right. Bodies are not seen by the gateway: of a patient who
is named only there, nothing is recorded. `wardgate audit who-saw` finds the calls about a patient by the keyed hash, however long the record is.
A call that a limit turned away before it reached the rules has no parties.

Token events and `CallDecided` are durable before the answer leaves. The other calls come from Envoy's log, at most one flush interval
(`WARDGATE_LOG_FLUSH_SECONDS`) later.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """When an event is written, and what its details may hold."""

    when: str
    details: Mapping[str, str]


_BY: Final = {"by": "`wardgate up` or `command line`", "operator": "the machine account that gave the command"}
_TURNED: Final = {"clock_shift_seconds": "how far the virtual clock was ahead, when it was"}
_ASKED: Final = {
    "fault": "the fault that was asked for and given: a refusal's code, or one that takes time",
    "fault_asked_by": "`header`, `parameter` or `persona`: what asked for it",
}
_CALLER: Final = {
    "pattern": "how the client proved itself",
    "credential": "id of the API key that the request names",
    "alg": "algorithm of the assertion",
    "kid": "key of the assertion",
    "certificate": "SHA-256 fingerprint of the caller's certificate",
    "authenticated": "true once the client has proved who it is",
    "gateway_message_id": "the id under which the gateway recorded the same request",
    "assertion_jti": "id of the assertion, used up by this request",
    **_TURNED, **_ASKED,
}
_REFUSED: Final = {"expected": "what would have been accepted", "received": "what came instead, without secrets"}
_USER: Final = {
    "auth_type": "`user`",
    "auth_grant_type": "`token_exchange` or `authorization_code`: how the user came to us",
    "auth_level": "`aal1` to `aal3`, `p0` to `p9`, or `unknown`",
    "auth_provider": "`nhs-cis2`, `nhs-login`, or a mock of these",
    "auth_user_id": "who signed in, as a keyed hash",
    "actor_user_id": "who acts for the patient, as a keyed hash",
    "actor_delegated": "true when somebody does",
    "sign_in": "id of the sign-in, by which its tokens end",
}
_PASSKEY: Final = {
    "user": "whose it is, as a keyed hash",
    "rp_id": "the host name it is good for",
    "passkey": "SHA-256 of the credential ID, in hex",
    "provider": "`nhs-cis2` or `nhs-login`",
    "by": "`command line`, when an operator removed it",
    "operator": "the machine account that gave the command",
}
_CALL: Final = {
    "api": "the API",
    "route": "the route, as the manifest writes it",
    "pattern": "the pattern that judged it",
    "method": "the request's method",
    "access_mode": "of a user's call: `healthcare-worker` or `patient`",
    "auth_level": "of a user's call: how strongly they signed in, `aal1` to `aal3` or `p0`, `p5`, `p9`",
}
_LOGGED: Final = _CALL | {
    "status": "status of the answer",
    "envoy_details": "Envoy's own words for how the answer came about",
    "duration_ms": "from the first byte of the request to the last of the answer",
    "received_bytes": "of the request's body",
    "sent_bytes": "of the answer's body",
    "token": "id (`jti`) of the access token",
    "fingerprint": "SHA-256 fingerprint of the client certificate",
    "caller": "network address, as a keyed hash",
}
_MAILED: Final = {
    "mailbox": "the mailbox that asked, or whose the message is", "mex_message_id": "the message's id, which is `message_id` too", "sender": "its sender's mailbox",
    "recipient": "its recipient's mailbox", "workflow": "its workflow", "bytes": "how many octets it has, as they were sent", "chunks": "in how many chunks",
    "local_id": "the sender's own id of it, as a keyed hash", **_TURNED,
}
_PARTIES: Final = {
    "from_asid": "between systems: ASID of the one that calls; of a refused call that Envoy judged, as the caller wrote it",
    "to_asid": "between systems: ASID of the one that is called",
    "interaction": "between systems: the interaction",
    "trace": "between systems: the caller's trace id",
    "ods": "between systems: the organisation that the token states, else those that the calling system acts for, joined by commas",
    "certificate_name": "between systems: the name in the client certificate",
    "caller_kind": "between systems: `professional`, `citizen`, `delegated citizen` or `unattended`, as the token states it",
    "reason_for_request": "between systems: what the token states",
    "scope": "between systems: what the token states",
    "user": "between systems: whom the token states, as a keyed hash",
    "role": "the role profile that the call acts in, as a keyed hash",
    "actor": "between systems: the citizen who acts for the patient, as a keyed hash",
    "patient": "between systems: the NHS number of whom the call is about, from the token, the path or the query, as a keyed hash; more of them in `patient_2` to `patient_24`",
    "patients_left_out": "between systems: how many patients more the call named than a record has room for",
    "endpoint": "through the secure proxy: the endpoint's identifier in the directory",
    "host": "through the secure proxy: the endpoint's host",
    "stated_device": "GP Connect: the device that the token states, as a keyed hash",
    "stated_organisation": "GP Connect: the organisation's name that the token states, as a keyed hash",
    "stated_practitioner": "GP Connect: the practitioner's name that the token states, as a keyed hash",
    "auth_user_id": "on a translated route: who signed in, as a keyed hash",
    "actor_user_id": "on a translated route: who acts for the patient, as a keyed hash",
    "sign_in": "on a translated route: id of the sign-in",
    "handed_on": "`unreadable`: what the decision service knew was sealed with a store key that is not here",
}
_STAND_IN: Final = {
    "provider": "`nhs-cis2` or `nhs-login`",
    "realm": "the mock realm, or the provider's own",
    "client": "the client's id at the provider",
    "user": "the person, as a keyed hash",
    "sid": "the provider's name of the sign-in",
    **_TURNED,
}
_GUARDED: Final = {
    "secret": "what was guessed: `password` or `code`",
    "source": "network address, as a keyed hash",
    "failures": "how many in a row",
}
_PROOF: Final = {
    "why": "what did not hold of a passkey's answer or of a smartcard, in a word",
    "fingerprint": "SHA-256 of the certificate of a smartcard",
    "revocation_reason": "why the smartcard was revoked",
}
_CERTIFICATE: Final = {
    "fingerprint": "SHA-256 of the certificate",
    "serial": "its serial number in hex",
    "authority": "who issued it",
    "name": "the name it is for; of a user as a keyed hash",
    "subject_kind": "`system`, `application`, `server`, `user` or `authority`",
    "subject": "ASID, application or name; of a user as a keyed hash",
    "not_after": "when it ends",
}

_HANDLED: Final = {
    "direction": "`out` or `in`", "stage": "where it stands now", "key": "our key of the message", "mailbox": "our mailbox", "peer": "theirs",
    "mailbox_ods": "whose ours is", "peer_ods": "whose theirs is", "workflow": "the workflow", "event": "the code of the message event",
    "document_id": "the id of its document", "mex_message_id": "the mailbox server's id", "seal": "the suite of its seal", "answers": "of a response: the message id that it answers",
    "codes": "ITK response codes that came, or that we sent", "attempts": "tries of this step", "by": "`server`, or the account of who ran the command",
    "content_sha256": "SHA-256 of the clear octets", "sealed_sha256": "SHA-256 of what travels", "user": "the user it is signed for, as a keyed hash",
    "role": "the role of that user, as a keyed hash", "local_id": "of one whose own id is not known, or tells of a patient: what its sender called it, as a keyed hash",
}
_DOCUMENT: Final = {
    "patient": "the NHS number, as a keyed hash; `patient_2` and so on of further patients", "patients_left_out": "how many more there are",
    "composition": "`Composition.identifier`", "document_type": "the SNOMED CT code of its type", "attachments": "how many attachments it has",
}
_SIGNER: Final = {
    "signer_kid": "the signer's key", "alg": "its algorithm", "encrypted": "whether it is encrypted", "signer_ods": "the signer's organisation", "signed_at": "when it was signed",
    "signer_certificate": "SHA-256 of the signer's certificate", "covered_sha256": "SHA-256 of the octets that are signed", "signer_role": "the role that the signer states, as a keyed hash",
    "opened_with": "our key that opened it", "user": "the user it is signed for, as a keyed hash", "role": "the role of that user, as a keyed hash",
}
EVENTS: Final[Mapping[EventType, Entry]] = {
    EventType.TOKEN_ISSUED: Entry("An access token was issued; stored in the same step that uses up the assertion, the code or the refresh token.", _CALLER | _USER | {
        "refresh_count": "how often the sign-in was refreshed", "repeated": "true when a repeated refresh got the same successor",
        "grant_type": "the grant", "jti": "id of the access token", "scope": "its scopes", "lifetime_ms": "how long it is good",
        "issuer": "its issuer", "signing_kid": "the key that signed it"}),
    EventType.TOKEN_REFUSED: Entry("A request to an endpoint of the authorisation server was refused.", _CALLER | _USER | _REFUSED | {
        "grant_type": "the grant", "client_reason": "the true reason where the answer says the same for several"}),
    EventType.TOKEN_REVOKED: Entry("A client took a token back (RFC 7009).", _CALLER | {
        "known": "false: it was none of ours, or over", "jti": "id of the token"}),
    EventType.TOKEN_INTROSPECTED: Entry("A client asked about a token (RFC 7662).", _CALLER | {
        "active": "what it was told", "jti": "id of the token", "token_application": "whose token it is"}),
    EventType.STAND_IN_SIGNED_IN: Entry("A stand-in provider sent a person back to a client with a code.", _STAND_IN | {"method": "how the person signed in"}),
    EventType.STAND_IN_TOKEN_ISSUED: Entry("A stand-in provider gave a client tokens.", _STAND_IN | {"grant": "the grant"}),
    EventType.STAND_IN_SIGNED_OUT: Entry("A person signed out at a stand-in provider.", _STAND_IN | {"clients": "how many clients were signed in to"}),
    EventType.STAND_IN_REFUSED: Entry("A stand-in provider refused a request, or a client did not take a logout token.", _STAND_IN | _ASKED | {
        "error": "the error on the wire, `sign-in-failed`, `wrong-password`, `wrong-code`, `code-used`, `too-many-tries` or `logout-not-delivered`",
        "method": "how the person tried to sign in", **_GUARDED, **_PROOF,
        "attempts": "how often a logout token was posted", "answer": "what came of the last attempt"}),
    EventType.STAND_IN_LOCKED: Entry("So many tries failed at a stand-in provider that a person, or an address, is locked out; the failure is a `StandInRefused` of its own.", _STAND_IN | {
        "method": "how the person tried to sign in", "whose": "`person` or `source`", "seconds": "how long it lasts", **_GUARDED}),
    EventType.STAND_IN_UNLOCKED: Entry("An operator ended the lock-out of a person, or of an address.", _BY | {
        "user": "the person, as a keyed hash", "source": "the address, as a keyed hash", "provider": "`nhs-cis2` or `nhs-login`"}),
    EventType.PASSKEY_REGISTERED: Entry("A passkey was registered at a stand-in provider.", _PASSKEY),
    EventType.PASSKEY_REMOVED: Entry("A passkey of a stand-in provider was removed.", _PASSKEY),
    EventType.SIGN_IN_STARTED: Entry("A browser was sent to a sign-in provider, or an authorization request was pushed.", _CALLER | {
        "auth_provider": "the provider", "pushed": "true for a pushed request (RFC 9126)"}),
    EventType.SIGN_IN_COMPLETED: Entry("A user came back from a sign-in provider, and a code was issued.", _CALLER | _USER | {
        "scope": "the scopes the sign-in is for", "roles": "how many role profiles the provider told of; absent when it told none",
        "roles_fault": "why the user's roles are not known"}),
    EventType.SIGN_IN_REFUSED: Entry("An authorization request or a callback was refused.", _CALLER | _USER | _REFUSED),
    EventType.SIGN_IN_ENDED: Entry("Sign-ins ended, and with them their refresh tokens and access tokens.", _CALLER | _USER | _REFUSED | {
        "cause": "why", "sign_ins": "how many", "grant_type": "the grant that was asked for"}),
    EventType.SIGN_OUT_REFUSED: Entry("A logout token was refused.", _CALLER | _REFUSED | {"auth_provider": "the provider"}),
    EventType.USERINFO_READ: Entry("A user's details were asked for and the provider answered.", _CALLER | _USER | {
        "jti": "id of the access token", "status": "status of the provider's answer"}),
    EventType.USERINFO_REFUSED: Entry("A request for a user's details was refused.", _CALLER | _USER | _REFUSED | {"jti": "id of the access token"}),
    EventType.CALL_ALLOWED: Entry("A call was let through to its backend; written from Envoy's log.", _LOGGED | _PARTIES),
    EventType.CALL_REFUSED: Entry("A call was refused, or a path of ours that is not an endpoint of tokens.", _LOGGED | _CALLER | _REFUSED | _PARTIES),
    EventType.CALL_DECIDED: Entry("The decision service judged a call of an `audit: before` route; its outcome follows as CallAllowed or CallRefused.",
        _CALL | _REFUSED | _PARTIES | {"listener": "`https`, `mtls` or `http`", "proved": "what the caller proved, in order",
            "sign_in": "of a user's call: id of the sign-in", "auth_user_id": "who signed in, as a keyed hash", "actor_user_id": "who acts for the patient, as a keyed hash",
            "role": "the role profile, as a keyed hash, where the route asks for one", **_TURNED}),
    EventType.HANDSHAKE_REFUSED: Entry("A TLS handshake failed because of the client's certificate (listener profile `verify`).", {
        "failure": "the reason in BoringSSL's words", "fingerprint": "SHA-256 of the certificate", "issuer": "its issuer",
        "not_after": "when it ends", "caller": "network address, as a keyed hash"}),
    EventType.MANIFEST_APPLIED: Entry("A manifest was applied.", _BY | {"put": "how many documents are new or changed", "removed": "how many went away"}),
    EventType.APPLICATION_CHANGED: Entry("One application or one of its keys was changed.", _BY | {
        "change": "`created`, `public keys`, or the new status", "product": "when it is about one subscription",
        "credential": "when it is about one key: its id", "status": "the key's new status"}),
    EventType.CREDENTIAL_ISSUED: Entry("An API key was issued; the key itself is not in the record.", _BY | {"credential": "its id", "status": "its status"}),
    EventType.CREDENTIAL_REVOKED: Entry("An API key was revoked, and with it the tokens that were got with it.", _BY | {"credential": "its id", "status": "`revoked`"}),
    EventType.PROVIDER_SECRET_SET: Entry("Our client secret at a sign-in provider was set; the secret itself is not in the record.", _BY | {"provider": "the provider's name"}),
    EventType.CERTIFICATE_ISSUED: Entry("A certificate was issued, authorities and the gateway's own included.", _CERTIFICATE | {
        "profile": "the certificate profile", "names": "the names of the gateway's certificate"}),
    EventType.CERTIFICATE_REVOKED: Entry("A certificate was revoked, or an authority retired.", _CERTIFICATE | {"revocation_reason": "why (RFC 5280 section 5.3.1)"}),
    EventType.CRL_ISSUED: Entry("A revocation list was signed.", {"authority": "whose", "number": "its number, which only rises", "entries": "how many certificates are on it"}),
    EventType.SIGNING_KEY_ROTATED: Entry("The next signing key was made.", {"use": "what it signs", "kid": "its name", "sign_from": "when it begins to sign"}),
    EventType.SYSTEM_STEPPED: Entry("The assurance of an accredited system took a step: requested, evidence, approved, live, suspended.", _BY | {
        "asid": "which system", "step": "the step", "state": "where it stands now", "environment": "for which environment", "taken_by": "who took the step",
        "note": "why", "granted": "the message sets that are granted"}),
    EventType.DIRECTORY_CHANGED: Entry("Entries or data-sharing rules of the system directory were changed, or a file was taken in.", _BY | {
        "form": "`ldif` or `csv`, of a file", "added": "how many of its entries are new", "changed": "how many differ from what was there",
        "unchanged": "how many do not", "put": "how many were put by hand", "removed": "how many were removed"}),
    EventType.MAILBOX_CHANGED: Entry("A mailbox was made or changed, given a password, or let into a workflow; a workflow or the shared key was changed; or, for tests, mailboxes were emptied.", _BY | {
        "mailbox": "its id", "workflow": "the workflow's id", "change": "`created`, `password`, `password forgotten`, `suspended`, `resumed`, `workflow`, `workflow removed`, `shared key`, `account`, `account removed` or `account requested`",
        "reset": "the mailbox that was emptied, or `all`", **_TURNED}),
    EventType.MESSAGE_KEY_CHANGED: Entry("A message key was made, certified, published, retired, revoked, erased or imported, or an organisation's authorities or their lists were changed.", _BY | {
        "kid": "its id; empty where it is about all of an organisation's keys", "organisation": "the organisation's ODS code",
        "change": "`made`, `certified`, `published`, `retired`, `revoked`, `erased`, `imported`, `trust` or `revocations`", "use": "`signing` or `encryption`",
        "hardware": "whether its private half is in a hardware module", "reason": "why it was revoked (RFC 5280 section 5.3.1)",
        "own": "whether this environment's own authorities are trusted", "lists": "how many revocation lists are at hand, or were taken by the server",
        "why": "why the server could not fetch an organisation's lists; recorded when that begins", "again": "true: it can again", "keys": "how many keys were new"}),
    EventType.MAILBOX_ACCEPTED: Entry("A whole message is durable, and its recipient can list it; before the answer to its last chunk.", _MAILED),
    EventType.MAILBOX_DOWNLOADED: Entry("A recipient read the last chunk of a message for the first time; before that answer.", _MAILED),
    EventType.MAILBOX_ACKNOWLEDGED: Entry("A recipient said that it has a message safe; before the answer.", _MAILED),
    EventType.MAILBOX_EXPIRED: Entry("A message was not collected in time, and its sender was told by a report.", _MAILED | {
        "report_id": "the id of the report", "deactivated": "true: the recipient's mailbox is not active"}),
    EventType.MAILBOX_REFUSED: Entry("A request of the mailbox server was refused; `message_id` is the answer's internal id. Before the answer.", _REFUSED | {
        "mailbox": "the mailbox that the token names, as soon as there is one", "recipient": "the mailbox it was to be sent to, if there is one",
        "workflow": "the workflow, if there is one", "mex_message_id": "the message it was about", **_TURNED}),
    EventType.MESSAGE_BUILT: Entry("The message handler built or took a message to be sent, its workflow allows it, and it is durable.", _HANDLED | _DOCUMENT),
    EventType.MESSAGE_SEALED: Entry("A message to be sent was sealed as its workflow asks.", _HANDLED | _DOCUMENT | _SIGNER),
    EventType.MESSAGE_SENT: Entry("The mailbox server has a message of ours whole; or, with `change`, its recipient acknowledged the transfer, or has not answered in time.", _HANDLED | _REFUSED | {
        "bytes": "its size", "change": "`collected`, `overdue`"}),
    EventType.MESSAGE_RECEIVED: Entry("A message came in and is durable; before it is acknowledged to the mailbox server.", _HANDLED | {"bytes": "its size"}),
    EventType.MESSAGE_OPENED: Entry("A message that came in was proved, allowed and delivered; or, with `change`, somebody read it again. Before it is shown.", _HANDLED | _DOCUMENT | _SIGNER | {
        "change": "`displayed`, or `inspected` of what travels"}),
    EventType.MESSAGE_REFUSED: Entry("A message that came in was refused, or one that was to go out by its workflow's policy.", _HANDLED | _REFUSED | {
        "itk_code": "the ITK response code", "answered": "whether the sender is told"}),
    EventType.MESSAGE_RESPONDED: Entry("A response to a message that came in was made, in one step with what follows for that message.", _HANDLED | {
        "to_key": "our key of the message that it answers", "to_mex_message_id": "the mailbox server's id of that"}),
    EventType.MESSAGE_ACKNOWLEDGED: Entry("A response to a message of ours came in, from whom the message went to, and was joined to it.", _HANDLED | _SIGNER | {
        "response": "ok, transient-error or fatal-error", "of_key": "our key of the message that it answers"}),
    EventType.MESSAGE_DEAD: Entry("A message was given up after its tries, refused by the mailbox server, or not collected; or, with `change`, dropped by an operator.", _HANDLED | _REFUSED | {
        "change": "`dropped`", "was": "why it had been given up"}),
    EventType.MESSAGE_REPLAYED: Entry("An operator took up a message again that had been given up.", _HANDLED | {
        "change": "the stage where it goes on", "was": "why it had been given up"}),
    EventType.AUDIT_SEARCHED: Entry("Somebody asked who saw a patient's record (`wardgate audit who-saw`); durable before the answer.", _BY | {
        "patient": "the NHS number, as a keyed hash", "found": "how many calls were shown", "from": "the first moment that was asked for",
        "to": "the moment before which", "organisation": "the ODS code that was asked for"}),
    EventType.CLOCK_ADVANCED: Entry("The virtual clock of an environment that is not live was turned ahead; the record itself goes by the real time.", _BY | {
        "advanced_seconds": "by how much", "ahead_seconds": "how far it is ahead now"}),
    EventType.CLOCK_RESET: Entry("The virtual clock was turned back to the real time.", _BY | {"ahead_seconds": "how far it was ahead"}),
    EventType.SERVER_STARTED: Entry("`wardgate up` started.", _BY | {"environment": "the environment's name", "node": "the name of its Envoy"}),
    EventType.SERVER_STOPPED: Entry("`wardgate up` was asked to stop and did.", _BY | {"node": "the name of its Envoy"}),
    EventType.RECORDS_LOST: Entry("Envoy's log had a gap or a torn line: said, not hidden.", {"what": "what was found", "lines": "how many lines"}),
}
"""A test compares this with the vocabulary, another with every record that the README's tour leaves behind."""


def page() -> str:
    """Return the whole page."""
    lines = [INTRODUCTION]
    for kind in EventType:
        entry = EVENTS[kind]
        lines += [f"## {kind}", "", entry.when, "", "| detail | meaning |", "|---|---|"]
        lines += [f"| `{name}` | {meaning} |" for name, meaning in entry.details.items()]
        lines.append("")
    return "\n".join(lines)
