"""`CertificateAuthority`: the one object other rooms use."""

from collections.abc import Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.ca.errors import AuthorityNotFound
from wardgate.ca.hierarchy import HeldAuthority, Hierarchy, bundle
from wardgate.ca.issuing import Issued, Issuing
from wardgate.ca.keys import Randomness
from wardgate.ca.records import SubjectKind
from wardgate.ca.responder import OCSPAnswer, OCSPResponder
from wardgate.ca.revocation import ClientTrust, CRLHealth, Revocation
from wardgate.ca.server_certificate import RELAY, TIME_STAMPING, ServerCertificate, ServerCertificates
from wardgate.ca.settings import CASettings
from wardgate.ca.time_stamping import TimeStamping
from wardgate.pki import profiles
from wardgate.sealing.keys import Use
from wardgate.stores.ports import Certificates, IssuedCertificate, IssuedCRL, Values


class CertificateAuthority:
    """The environment's certification authority. Every change is durable and recorded as an event when a method returns.

    Methods are synchronous: they wait for the store and compute signatures, so call them off the event loop. `now` is
    the real time: TLS ends compare dates with their own clocks.
    """

    def __init__(
        self, certificates: Certificates, values: Values, settings: CASettings, randomness: Randomness | None = None
    ) -> None:
        randomness = randomness or Randomness()
        self.settings = settings
        self._certificates = certificates
        self._hierarchy = Hierarchy(certificates, settings, randomness)
        self._revocation = Revocation(certificates, self._hierarchy, settings)
        self._issuing = Issuing(certificates, self._hierarchy, settings, randomness)
        self._servers = ServerCertificates(certificates, values, self._hierarchy, settings, randomness)
        self._relay = ServerCertificates(certificates, values, self._hierarchy, settings, randomness, profiles.RELAY, RELAY)
        clock_keys = ServerCertificates(certificates, values, self._hierarchy, settings, randomness, profiles.TIME_STAMPING, TIME_STAMPING)
        self._time_stamping = TimeStamping(clock_keys, randomness)
        self._responder = OCSPResponder(certificates, self._hierarchy, settings)

    def ensure(self, environment_name: str, now: datetime) -> None:
        """There are a root, an issuing authority and a current list of each. Safe to repeat and to run twice at once."""
        self._hierarchy.ensure(environment_name, now)
        self._revocation.publish(now)

    def server_certificate(self, names: Sequence[str], now: datetime) -> ServerCertificate:
        """The gateway's certificate for exactly these names; the same one until it is due or the names change."""
        return self._servers.current(names, now)

    def relay_certificate(self, name: str, now: datetime) -> ServerCertificate:
        """The certificate that the secure proxy shows to endpoints; the same one until it is due or the name changes."""
        return self._relay.current((name,), now)

    def issue_from_csr(
        self, csr: bytes, *, subject_kind: SubjectKind, subject: str, expected_name: str, now: datetime, person: str = ""
    ) -> Issued:
        """Certify a request, for a user with the name `person` for people; raises `wardgate.pki.CheckFailed`, `KeyRefused`."""
        return self._issuing.from_csr(csr, subject_kind, subject, expected_name, now, person)

    def certify_message_key(
        self, key: RSAPublicKey | EllipticCurvePublicKey, *, organisation: str, use: Use, kid: str, now: datetime
    ) -> Issued:
        """Certify an organisation's message key, whose private half the caller holds; raises `wardgate.pki.CheckFailed`, `KeyRefused`."""
        return self._issuing.message_key(key, organisation, use, kid, now)

    def renew(
        self,
        *,
        now: datetime,
        fingerprint: str | None = None,
        serial: str | None = None,
        name: str | None = None,
        csr: bytes | None = None,
        early: bool = False,
    ) -> Issued:
        """Certify again, for the same subject and name, within the renewal window or `early`; raises `NotRenewable`."""
        return self._issuing.renew(self._chosen(fingerprint, serial, name), now, csr, early=early)

    def revoke(
        self,
        *,
        reason: str,
        now: datetime,
        fingerprint: str | None = None,
        serial: str | None = None,
        name: str | None = None,
    ) -> tuple[IssuedCertificate, ...]:
        """Revoke one certificate, or by name every one that is still good, and renew the list at once.

        Raises `CertificateNotFound`, `NotRevocable`, `CRLPublicationFailed`.
        """
        chosen = self._chosen(fingerprint, serial, name)
        if name is not None:
            chosen = [c for c in chosen if c.revoked_at is None and c.not_after > now]
        return self._revocation.revoke(chosen, reason, now)

    def authorities(self) -> tuple[HeldAuthority, ...]:
        """Every authority, retired ones too: roots first, then by generation."""
        return self._hierarchy.all()

    def certificates(self) -> Sequence[IssuedCertificate]:
        """Everything that was issued."""
        return self._certificates.all()

    def expiring(self, within_days: int, now: datetime) -> tuple[IssuedCertificate, ...]:
        """What ends within so many days and has no successor."""
        return self._issuing.expiring(within_days, now)

    def publish_crls(self, now: datetime) -> tuple[IssuedCRL, ...]:
        """Renew the lists that are due. Call it often; raises `CRLPublicationFailed`: sound an alarm."""
        return self._revocation.publish(now)

    def crl_health(self, now: datetime) -> tuple[CRLHealth, ...]:
        """How the lists stand, for health checks and metrics."""
        return self._revocation.health(now)

    def rotate_issuing_ca(self, environment_name: str, now: datetime) -> str:
        """First stage of a generation change: a new issuing authority beside the old. Returns its name."""
        added = self._hierarchy.add_issuing(environment_name, now)
        self._revocation.publish(now)
        return added.name

    def retire_issuing_ca(self, name: str, now: datetime, *, reason: str = "superseded", force: bool = False) -> None:
        """Second stage: trust it no more. Raises `AuthorityInUse` while its certificates are used, unless forced."""
        self._revocation.retire(name, now, reason=reason, force=force)

    def client_trust(self) -> ClientTrust:
        """Authorities and their lists, read together; raises `NotEnsured` rather than hand out less."""
        return self._revocation.trust()

    def trust_bundle(self) -> str:
        """PEM of roots and issuing authorities that client certificates are verified with; raises `NotEnsured`."""
        return self._revocation.trust().authorities

    def crl_bundle(self) -> str:
        """PEM of the lists of every authority in the trust bundle; raises `NotEnsured`."""
        return self._revocation.trust().crls

    def revoked_fingerprints(self, now: datetime) -> frozenset[str]:
        """Certificates to be refused on connections that are already open."""
        return self._revocation.revoked_fingerprints(now)

    def roots(self) -> str:
        """PEM of the roots: what clients need to trust this environment's servers."""
        return bundle([authority for authority in self._hierarchy.active() if authority.is_root])

    def authority_certificate(self, name: str) -> bytes:
        """DER of an authority's certificate; raises `AuthorityNotFound`."""
        return self._hierarchy.named(name).certificate.public_bytes(Encoding.DER)

    def crl(self, name: str) -> IssuedCRL:
        """The stored list of an authority, retired ones too; raises `AuthorityNotFound`."""
        found = next((crl for crl in self._certificates.crls() if crl.authority == name), None)
        if found is None:
            raise AuthorityNotFound("no authority of that name has a revocation list")
        return found

    def ocsp(self, request: bytes, now: datetime) -> OCSPAnswer:
        """Answer an OCSP request in DER."""
        return self._responder.answer(request, now)

    def time_stamp(self, request: bytes, now: datetime) -> bytes:
        """Answer a request for a time-stamp in DER (RFC 3161)."""
        return self._time_stamping.answer(request, now)

    def _chosen(self, fingerprint: str | None, serial: str | None, name: str | None) -> list[IssuedCertificate]:
        """Certificates by the one selector given; raises `ValueError` for none or several. Authorities have no name here."""
        given = [selector for selector in (fingerprint, serial, name) if selector is not None]
        if len(given) != 1:
            raise ValueError("select by fingerprint, serial or name, one of them")
        spelt = given[0].strip().lower().replace(":", "")
        if name is not None:
            return [c for c in self._certificates.find(name=spelt) if c.subject_kind != SubjectKind.AUTHORITY]
        if serial is not None:
            return list(self._certificates.find(serial=spelt.lstrip("0") or "0"))
        return list(self._certificates.find(fingerprint=spelt))
