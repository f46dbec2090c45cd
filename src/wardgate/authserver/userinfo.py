"""GET /oauth2/userinfo (user-restricted 7.1): details of a worker who signed in through us, as NHS CIS2 tells them.

The provider's own access token is put in place of ours; its answer is passed on as it is, if it is a JSON object about the
same user. Also the role profiles in such an answer (user-restricted 8), which go into access tokens.
"""

from typing import Any, Final

from wardgate.audit.model import EventType, Outcome
from wardgate.authserver import faults
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.sign_in_record import SignInRecord
from wardgate.authserver.user_tokens import details_of
from wardgate.authserver.wire import JSON, NEVER_CACHED, Send, respond
from wardgate.jose.strict_json import decode_object
from wardgate.oauth.access_token import MAX_ROLES
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.id_token import MAX_ROLE_CHARS
from wardgate.oauth.mtls_binding import read_forwarded_certificate
from wardgate.outbound.errors import OutsideFailed
from wardgate.outbound.fetch import Fetched
from wardgate.refusals import Refusal
from wardgate.refusals.faults import Moment
from wardgate.security_patterns import access_token
from wardgate.security_patterns.facts import Facts, Listener, PresentedCertificate
from wardgate.security_patterns.proof import Proof
from wardgate.security_patterns.snapshot import Snapshot

PASSED_ON: Final = frozenset({200, 401, 403})
"""Statuses of the provider that the caller can do something about; anything else is the provider's own trouble."""


async def userinfo(server: AuthServer, exchange: Exchange, snapshot: Snapshot, send: Send) -> None:
    """Answer what the provider answers. Raises `OAuthRefused`, for a token that does not count with the gateway's own reason."""
    exchange.refused_as = EventType.USERINFO_REFUSED
    try:
        proof = _bearer(exchange, snapshot)
    except OAuthRefused:
        faults.settle(server, exchange)
        raise
    faults.settle(server, exchange)
    grant = await server.sign_ins.get(proof.user.grant) if proof.user is not None else None
    if proof.user is not None and (grant is None or grant.ended is not None):
        raise OAuthRefused("access-token-revoked", "a token of a sign-in that goes on", "one whose sign-in ended")
    record = SignInRecord.read(grant.body) if grant is not None else None
    if record is not None and grant is not None:
        exchange.details |= details_of(record.who, record.auth_grant_type, grant.id)
        await faults.carried(server, exchange, Moment.USERINFO, record.who, record.fault)
    if record is None or record.provider_token is None:
        raise OAuthRefused("userinfo-not-combined", "a token from a code, of NHS CIS2", "another kind of token")
    found = await _ask(server, record)
    await server.record(exchange.event(EventType.USERINFO_READ, Outcome.ALLOWED, None, {"status": found.status}))
    headers = [JSON, *NEVER_CACHED, *([(b"www-authenticate", b'Bearer error="invalid_token"')] if found.status == 401 else [])]
    await respond(send, found.status, headers, found.body)


def _bearer(exchange: Exchange, snapshot: Snapshot) -> Proof:
    header = exchange.headers.get(b"authorization")
    headers = {} if header is None else {access_token.HEADER: header.decode("latin-1")}
    forwarded = exchange.headers.get(b"x-forwarded-client-cert")
    certificate = read_forwarded_certificate(forwarded.decode("latin-1")) if forwarded is not None else None
    presented = PresentedCertificate(certificate.fingerprint, None) if certificate is not None else None
    facts = Facts(Listener.HTTPS, "GET", "", headers, exchange.at, presented)
    proof = access_token.identify(facts, snapshot)
    if isinstance(proof, Refusal):
        raise _refused(proof)
    exchange.application = proof.application
    exchange.details["jti"] = proof.jti
    unbound = access_token.check_bound(proof, facts)
    if unbound is not None:
        raise _refused(unbound)
    client = snapshot.clients.get(proof.application)
    if client is None or client.refused is not None:
        raise OAuthRefused("access-token-revoked", "a token of an approved application", "one of another")
    return proof


def _refused(refusal: Refusal) -> OAuthRefused:
    return OAuthRefused(refusal.reason.code, refusal.expected, refusal.received, refusal.values)


async def _ask(server: AuthServer, record: SignInRecord) -> Fetched:
    """Return the provider's answer. Raises `OAuthRefused` when there is none that can be passed on."""
    who = record.who
    provider = next((found for found in server.trusted() if found.name == who.provider and found.issuer == who.issuer), None)
    if provider is None or record.provider_token is None:
        raise OAuthRefused("provider-unreachable", "the provider of the sign-in", "none of that name and issuer")
    try:
        found = await server.providers.userinfo(provider, record.provider_token)
    except OutsideFailed as fault:
        raise OAuthRefused("provider-unreachable", fault.expected, fault.received) from None
    if found.status not in PASSED_ON:
        raise OAuthRefused("provider-unreachable", "status 200", f"status {found.status}")
    if found.status == 200:
        details_about(found, who.subject)
    elif not _is_object(found.body):
        return Fetched(found.status, found.content_type, b'{"error":"invalid_token"}' if found.status == 401 else b'{"error":"insufficient_scope"}')
    return found


def details_about(found: Fetched, subject: str) -> dict[str, Any]:
    """Return the members of a provider's answer. Raises `OAuthRefused` unless it is about this user (OpenID Connect Core section 5.3.2)."""
    try:
        members = decode_object(found.body)
    except ValueError:
        raise OAuthRefused("userinfo-mismatch", "a JSON object", f"{len(found.body)} other bytes") from None
    if members.get("sub") != subject:
        raise OAuthRefused("userinfo-mismatch", "details of the user who signed in", "details of nobody, or of somebody else")
    return members


def roles_of(found: Fetched, subject: str) -> tuple[str, ...]:
    """Return the role profiles the answer tells. One empty text: it tells nonsense, which is for the choice of a role to refuse.

    Raises `OAuthRefused` for an answer that tells nothing about this user.
    """
    if found.status != 200:
        raise OAuthRefused("provider-unreachable", "status 200", f"status {found.status}")
    roles = details_about(found, subject).get("nhsid_nrbac_roles", [])
    if not isinstance(roles, list) or len(roles) > MAX_ROLES:
        return ("",)
    names = [role.get("person_roleid") if isinstance(role, dict) else None for role in roles]
    sound = [name if type(name) is str and len(name) <= MAX_ROLE_CHARS else "" for name in names]
    return ("",) if "" in sound else tuple(sound)


def _is_object(body: bytes) -> bool:
    try:
        decode_object(body)
    except ValueError:
        return False
    return True
