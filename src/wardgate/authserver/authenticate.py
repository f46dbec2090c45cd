"""Who asks: by signed JWT (every profile) or, in `strict`, by client certificate (RFC 8705 section 2.1).

Used by the token endpoint, introspection and revocation alike. The order is application-restricted 6.5; the numbers
in comments are its steps. What an `Authenticated` still owes is the claim of its `use`, which decides.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from wardgate.authserver.addresses import Addresses
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.rate_limit import Exceeded, TokenRateLimit
from wardgate.authserver.recent import RecentlyClaimed
from wardgate.jose import JWKSet, MalformedJWT, UnverifiedJWT
from wardgate.oauth.client_assertion import ASSERTION_TYPE, check_structure, masked, verify_signature_and_audience
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.mtls_binding import ClientCertificate, check_certificate, read_forwarded_certificate
from wardgate.oauth.profiles import PROFILES, AssertionProfile
from wardgate.outbound.errors import JWKSUnavailable
from wardgate.security_patterns.snapshot import APIKey, Client, Snapshot
from wardgate.stores.ports import SingleUse


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Proof of who asks: made by `Authenticator` only. `use` must be claimed before anything is given."""

    client: Client
    credential: str
    """Id of the API key the client used as its identifier; `certificate` when it has shown a certificate instead."""
    profile: AssertionProfile
    use: SingleUse
    certificate: ClientCertificate | None = None


class RateLimited(OAuthRefused):
    """Row 26: the application asked too often."""

    def __init__(self, application: str, exceeded: Exceeded) -> None:
        super().__init__(
            "token-rate-limited", f"at most {exceeded.limit} requests in a minute", "one more",
            {"application": application, "limit": str(exceeded.limit), "interval": "1", "timeunit": "minute"},
        )
        self.exceeded = exceeded


class Authenticator:
    """Holds what outlives a request: the early look's memory and the limit's counts."""

    def __init__(self, server: AuthServer) -> None:
        self._server = server
        self._recent = RecentlyClaimed(server.settings.recent_assertions)
        self._limit = TokenRateLimit(server.settings.requests_per_minute)
        self._sign_ins = TokenRateLimit(server.settings.sign_ins_per_minute)

    def claimed(self, use: SingleUse) -> None:
        """Remember a decided claim for the early look."""
        self._recent.add(use.namespace, use.id)

    async def authenticate(
        self, exchange: Exchange, form: dict[str, str], snapshot: Snapshot, addresses: Addresses, *,
        limited: bool, more_audiences: AbstractSet[str] = frozenset(),
    ) -> Authenticated:
        """Return who asks. Raises `OAuthRefused` with the first check that fails, `RateLimited` among them."""
        by_certificate = self._certificate_client(exchange, form, snapshot)
        if by_certificate is not None:
            if limited:
                self.take(by_certificate.client, exchange.at)
            return by_certificate
        if form.get("client_assertion_type") != ASSERTION_TYPE:  # (3)
            received = form.get("client_assertion_type")
            raise OAuthRefused("assertion-type-invalid", ASSERTION_TYPE, "nothing" if received is None else ascii(received[:80]))
        unverified = _decode(form.get("client_assertion"))  # (4)
        subject = unverified.claims.get("sub")
        key = snapshot.api_keys.get(subject) if type(subject) is str else None
        profile = _profile(snapshot, key)
        _note(exchange, unverified)
        if key is not None and key.application in snapshot.clients:  # whose request it claims to be, should a check fail
            exchange.application = key.application

        def seen(_sub: str, jti: str) -> bool:  # (5)
            return key is not None and self._recent.seen(_namespace(key), jti)

        check_structure(unverified, exchange.at, profile, seen)  # (6); nothing is stored before (11), so there is no (7)
        if profile.client_id_must_match and form.get("client_id", subject) != subject:
            raise OAuthRefused("client-id-mismatch", "client_id absent, or equal to sub", "another client_id")
        client = _approved(snapshot, subject, key, exchange)  # (8)
        if limited:
            self.take(client, exchange.at)  # (9)
        keys = await self._key_set(client, unverified, profile)  # (10)
        audiences = addresses.audiences_with_issuers if profile.issuer_is_audience else addresses.audiences
        if more_audiences:
            audiences = audiences | more_audiences
        assertion = verify_signature_and_audience(unverified, keys, audiences, exchange.at, profile)  # (11)
        exchange.details["authenticated"] = True
        assert key is not None  # noqa: S101 - `_approved` refuses a client without a key
        use = SingleUse(_namespace(key), assertion.jti, assertion.remember_until)
        certificate = _binding(exchange, snapshot, client, profile)
        return Authenticated(client, key.id, profile, use, certificate)

    def take(self, client: Client, now: datetime) -> None:
        """Count a request of this application for tokens. Raises `RateLimited`."""
        exceeded = self._limit.take(client.name, self._real(now))
        if exceeded is not None:
            raise RateLimited(client.name, exceeded)

    def take_sign_in(self, client: Client, now: datetime) -> None:
        """Count a sign-in that begins: anybody can begin one, so it is no use of the application's own limit. Raises `RateLimited`."""
        exceeded = self._sign_ins.take(client.name, self._real(now))
        if exceeded is not None:
            raise RateLimited(client.name, exceeded)

    def _real(self, now: datetime) -> float:
        """Limits go by the real time, however the virtual clock is turned."""
        return (now - self._server.clock_shift()).timestamp()

    def shows_certificate(self, form: Mapping[str, str], snapshot: Snapshot) -> bool:
        """Whether the client proves itself by its certificate in place of an assertion (profile `strict`)."""
        client_id = form.get("client_id")
        by_assertion = "client_assertion" in form or "client_assertion_type" in form
        return client_id is not None and not by_assertion and _profile(snapshot, snapshot.api_keys.get(client_id)).name == "strict"

    async def _key_set(self, client: Client, unverified: UnverifiedJWT, profile: AssertionProfile) -> JWKSet:
        sets = self._server.key_sets
        try:
            if client.jwks is not None:
                return sets.inline(client.name, client.jwks)
            if client.jwks_url is None:
                raise OAuthRefused("public-key-not-registered", "a JWKS URL or an inline key set", "neither")
            keys = await sets.get(client.jwks_url)
            if profile.refetch_unknown_kid and unverified.header["kid"] not in keys.keys:
                keys = await sets.refetched(client.jwks_url)
        except JWKSUnavailable as fault:
            raise OAuthRefused("jwks-unreachable", fault.expected, fault.received) from None
        return keys

    def _certificate_client(self, exchange: Exchange, form: dict[str, str], snapshot: Snapshot) -> Authenticated | None:
        """RFC 8705 section 2.1: `client_id` without an assertion, in the `strict` profile only."""
        if not self.shows_certificate(form, snapshot):
            return None
        client_id = form["client_id"]
        key = snapshot.api_keys.get(client_id)
        profile = _profile(snapshot, key)
        exchange.details["pattern"] = "tls-client-auth"
        client = _approved(snapshot, client_id, key, exchange)
        assert key is not None  # noqa: S101 - `_approved` refuses a client without a key
        certificate = check_certificate(_certificate(exchange, snapshot), client.certificate_name)
        exchange.details["authenticated"] = True
        # NOTE: a certificate proves possession freshly in each handshake; there is no id to use up but our own new one.
        use = SingleUse("certificate-request", self._server.new_token_id(), exchange.at + timedelta(minutes=1))
        return Authenticated(client, key.id, profile, use, certificate if client.certificate_bound_tokens else None)


def _decode(text: str | None) -> UnverifiedJWT:
    if text is None:
        raise OAuthRefused("assertion-missing", "a client_assertion", "none")
    try:
        return UnverifiedJWT.parse(text)
    except MalformedJWT as fault:
        raise OAuthRefused("assertion-malformed", fault.expected, fault.received) from None


def _note(exchange: Exchange, unverified: UnverifiedJWT) -> None:
    for name in ("alg", "kid"):
        value = unverified.header.get(name)
        if type(value) is str and len(value) <= 256 and value.isprintable():
            exchange.details[name] = value


def _profile(snapshot: Snapshot, key: APIKey | None) -> AssertionProfile:
    """The profile of the client that the request names, else the environment's. Naming another gains nothing: its keys decide."""
    client = snapshot.clients.get(key.application) if key is not None else None
    return PROFILES[client.profile if client is not None else snapshot.environment.profile]


def _namespace(key: APIKey) -> str:
    """Used ids are kept per credential, by its id: the key itself must not be stored in clear (rule 4)."""
    return f"assertion:{key.id}"


def _approved(snapshot: Snapshot, subject: Any, key: APIKey | None, exchange: Exchange) -> Client:
    """6.5 step 8: one wire text for every case (rule 5), the true reason in the record."""
    client = snapshot.clients.get(key.application) if key is not None else None
    if key is None or client is None:
        raise OAuthRefused("client-unknown", "an API key of this environment", masked(subject))
    exchange.application = client.name
    exchange.details["credential"] = key.id
    received = None
    if key.revoked:
        received = "api-key-revoked"
    elif key.expires is not None and key.expires <= exchange.at:
        received = "api-key-expired"
    elif client.refused is not None:
        received = client.refused
    if received is not None:
        exchange.details["client_reason"] = received
        raise OAuthRefused("client-not-approved", "an approved application with an approved, unexpired key", received)
    if not client.products:
        raise OAuthRefused("client-not-subscribed", "at least one approved product", "none")
    return client


def _certificate(exchange: Exchange, snapshot: Snapshot) -> ClientCertificate | None:
    """The caller's certificate, as Envoy proved it; a revoked one is none (a CRL does not touch open connections)."""
    header = exchange.headers.get(b"x-forwarded-client-cert")
    certificate = read_forwarded_certificate(header.decode("latin-1")) if header is not None else None
    if certificate is None:
        return None
    exchange.details["certificate"] = certificate.fingerprint
    if certificate.fingerprint in snapshot.revocations.fingerprints:
        raise OAuthRefused("client-certificate-mismatch", "a certificate that is not revoked", "a revoked one")
    return certificate


def _binding(exchange: Exchange, snapshot: Snapshot, client: Client, profile: AssertionProfile) -> ClientCertificate | None:
    """RFC 8705 section 3: in `strict`, a client that asked for bound tokens gets no other kind."""
    if profile.name != "strict" or not client.certificate_bound_tokens:
        return None
    certificate = _certificate(exchange, snapshot)
    if certificate is None:
        raise OAuthRefused("client-certificate-missing", "a client certificate to bind the token to", "none")
    return certificate
