"""Issuing to systems, applications, servers and people from their requests, and renewing (8.1; spec README rule 29)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from wardgate.audit.model import EventType
from wardgate.ca.errors import CertificateNotFound, KeyRefused, NotRenewable
from wardgate.ca.hierarchy import Hierarchy
from wardgate.ca.keys import Randomness
from wardgate.ca.records import SubjectKind, event, record, to_pem
from wardgate.ca.server_certificate import is_gateways
from wardgate.ca.settings import CASettings
from wardgate.pki import profiles
from wardgate.pki.csr import AcceptedRequest, accept_csr
from wardgate.pki.issue import issue
from wardgate.pki.names import SERVER_NAMES
from wardgate.sealing.keys import Use
from wardgate.stores.ports import Certificates, IssuedCertificate

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""No certificate ends earlier."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate. `certificate_pem` is it alone; `chain_pem` is it and its issuer, leaf first."""

    certificate: IssuedCertificate
    chain_pem: str

    @property
    def certificate_pem(self) -> str:
        """The certificate alone."""
        return self.certificate.certificate_pem


class Issuing:
    """Turns accepted requests into recorded certificates."""

    def __init__(
        self, certificates: Certificates, hierarchy: Hierarchy, settings: CASettings, randomness: Randomness
    ) -> None:
        self._certificates = certificates
        self._hierarchy = hierarchy
        self._settings = settings
        self._randomness = randomness

    def from_csr(
        self, csr: bytes, kind: SubjectKind, subject: str, expected_name: str, now: datetime, person: str = ""
    ) -> Issued:
        """A certificate for a request that passes every check and asks for `expected_name`; `person` is a user's name for people.

        Raises `CheckFailed`, `KeyRefused`, `NotEnsured`; `ValueError` for a kind that is not certified on request.
        """
        if kind in {SubjectKind.AUTHORITY, SubjectKind.MESSAGES}:
            raise ValueError("authorities and message keys are not certified on request")
        rules = {SubjectKind.SERVER: SERVER_NAMES, SubjectKind.USER: None}.get(kind, self._settings.client_names)
        return self._issue(accept_csr(csr, rules, expected_name), kind, subject, now, person)

    def renew(
        self, candidates: Sequence[IssuedCertificate], now: datetime, csr: bytes | None, *, early: bool
    ) -> Issued:
        """A new certificate beside the newest of the candidates, which stays good until it ends.

        With a request its key is taken, without one the old key is certified again. Raises `CertificateNotFound`,
        `NotRenewable`, and what `from_csr` raises.
        """
        newest = max(candidates, key=lambda c: (c.revoked_at is None, c.not_after), default=None)
        if newest is None:
            raise CertificateNotFound("no certificate matches")
        self._check_renewable(newest, now, early=early)
        kind = SubjectKind(newest.subject_kind)
        before = x509.load_pem_x509_certificate(newest.certificate_pem.encode("ascii"))
        person = profiles.person_name(before.subject) if kind is SubjectKind.USER else ""
        if csr is not None:
            asked = newest.subject if kind is SubjectKind.USER else newest.name
            return self.from_csr(csr, kind, newest.subject, asked, now, person)
        key = before.public_key()
        if not isinstance(key, RSAPublicKey):
            raise NotRenewable("the certificate's key is not RSA")
        return self._issue(AcceptedRequest(newest.name, key), kind, newest.subject, now, person)

    def expiring(self, within_days: int, now: datetime) -> tuple[IssuedCertificate, ...]:
        """Certificates that end within so many days and have no successor, soonest first; authorities too."""
        good = [c for c in self._certificates.all() if c.revoked_at is None and c.not_after > now]
        latest: dict[tuple[str, str, str], datetime] = {}
        for c in good:
            key = (c.subject_kind, c.subject, c.name)
            latest[key] = max(c.not_after, latest.get(key, c.not_after))
        horizon = now + timedelta(days=within_days)
        due = [c for c in good if c.not_after <= horizon and latest[c.subject_kind, c.subject, c.name] == c.not_after]
        return tuple(sorted(due, key=lambda c: (c.not_after, c.name)))

    def _check_renewable(self, certificate: IssuedCertificate, now: datetime, *, early: bool) -> None:
        if certificate.subject_kind == SubjectKind.AUTHORITY:
            raise NotRenewable("an authority is rotated, not renewed")
        if certificate.subject_kind == SubjectKind.MESSAGES:
            raise NotRenewable("a message key is rotated, not renewed: wardgate message keys rotate")
        if is_gateways(certificate):
            raise NotRenewable("the gateway renews its own certificate")
        if certificate.revoked_at is not None:
            raise NotRenewable("the certificate has been revoked: ask for a new one with a new key")
        if certificate.not_after <= now:
            raise NotRenewable("the certificate has expired: ask for a new one")
        opens = certificate.not_after - self._settings.renew_ahead
        if now < opens and not early:
            raise NotRenewable(f"the certificate may be renewed from {opens:%Y-%m-%d}")

    def _issue(self, accepted: AcceptedRequest, kind: SubjectKind, subject: str, now: datetime, person: str) -> Issued:
        self._check_key_not_compromised(accepted.public_key)
        authority = self._hierarchy.issuing(now)
        profile, days = profiles.endpoint(self._settings.client_names), self._settings.client_validity_days
        name = profiles.common_name(accepted.name)
        names: tuple[str, ...] = (accepted.name,)
        if kind is SubjectKind.SERVER:
            profile, days = profiles.SERVER, self._settings.server_validity_days
        elif kind is SubjectKind.USER:
            profile, name, names = profiles.SMARTCARD_HOLDER, profiles.person_subject(subject, person), ()
        draft = profiles.Draft(name, names, accepted.public_key, timedelta(days=days))
        certificate = issue(profile, draft, authority.issuer, serial=self._randomness.new_serial(), now=now)
        spelt = accepted.name.lower() if kind is SubjectKind.USER else accepted.name
        entry = record(certificate, authority=authority.name, name=spelt, kind=kind, subject=subject)
        self._certificates.add(entry, event(EventType.CERTIFICATE_ISSUED, entry, now, profile=profile.name))
        return Issued(entry, entry.certificate_pem + to_pem(authority.certificate))

    def message_key(self, key: RSAPublicKey | EllipticCurvePublicKey, organisation: str, use: Use, kid: str, now: datetime) -> Issued:
        """Certify a message key, which the caller has proved to hold. Raises `CheckFailed`, `KeyRefused`, `NotEnsured`."""
        self._check_key_not_compromised(key)
        authority = self._hierarchy.issuing(now)
        profile = profiles.MESSAGE_SIGNING if use is Use.SIGNING else profiles.message_encryption(key)
        draft = profiles.Draft(
            profiles.organisation_subject(organisation, use, kid), (), key, timedelta(days=self._settings.client_validity_days),
            (profiles.ORGANISATION_URN + organisation,))
        certificate = issue(profile, draft, authority.issuer, serial=self._randomness.new_serial(), now=now)
        entry = record(certificate, authority=authority.name, name=kid.lower(), kind=SubjectKind.MESSAGES, subject=organisation)
        self._certificates.add(entry, event(EventType.CERTIFICATE_ISSUED, entry, now, profile=profile.name))
        return Issued(entry, entry.certificate_pem + to_pem(authority.certificate))

    def _check_key_not_compromised(self, key: RSAPublicKey | EllipticCurvePublicKey) -> None:
        """A key that was revoked as compromised stays out; raises `KeyRefused`."""
        for known in self._certificates.revoked(EVER):
            if known.revocation_reason != "keyCompromise":
                continue
            if x509.load_pem_x509_certificate(known.certificate_pem.encode("ascii")).public_key() == key:
                raise KeyRefused("this key was revoked as compromised: make a new one")
