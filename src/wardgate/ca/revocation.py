"""Revoking, and revocation lists that are renewed at half their life (application-restricted 8.3)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.audit.model import Event, EventType
from wardgate.ca.errors import AuthorityInUse, CertificateNotFound, CRLPublicationFailed, NotEnsured, NotRevocable
from wardgate.ca.hierarchy import HeldAuthority, Hierarchy, bundle
from wardgate.ca.records import SubjectKind, event
from wardgate.ca.server_certificate import is_gateways
from wardgate.ca.settings import CASettings
from wardgate.pki.crl import REASONS, Revoked, build_crl, revoked_serials
from wardgate.stores.errors import AlreadyExists, StoreError
from wardgate.stores.ports import Certificates, IssuedCertificate, IssuedCRL

PUBLISH_ATTEMPTS: Final = 5
"""How often a list is made again because another process published one in between."""
MAX_NAMED: Final = 10
"""How many certificates that hold a retirement back are named."""
LOG: Final = logging.getLogger("wardgate.ca")


@dataclass(frozen=True, slots=True)
class ClientTrust:
    """What a TLS end needs to judge client certificates, from one moment: PEM of authorities, PEM of their lists."""

    authorities: str
    crls: str


@dataclass(frozen=True, slots=True)
class CRLHealth:
    """The state of an authority's list. `overdue`: it should have been renewed; past `next_update` every client is refused."""

    authority: str
    number: int
    next_update: datetime
    overdue: bool


@dataclass(frozen=True, slots=True)
class _State:
    """What the store held at one moment."""

    lists: Mapping[str, IssuedCRL]
    revoked: Sequence[IssuedCertificate]
    """Without those that ended one list ago: an entry stays for one list beyond the certificate's end (RFC 5280 section 3.3)."""

    def entries(self, authority: str) -> tuple[Revoked, ...]:
        """What an authority's list says."""
        return tuple(
            Revoked(int(c.serial, 16), c.revoked_at, c.revocation_reason or "unspecified")
            for c in self.revoked
            if c.authority == authority and c.revoked_at is not None
        )


class Revocation:
    """Revocation state of what the hierarchy issued. Fails closed: without lists there is no trust to hand out."""

    def __init__(self, certificates: Certificates, hierarchy: Hierarchy, settings: CASettings) -> None:
        self._certificates = certificates
        self._hierarchy = hierarchy
        self._settings = settings

    def revoke(self, chosen: Sequence[IssuedCertificate], reason: str, now: datetime) -> tuple[IssuedCertificate, ...]:
        """Revoke these and renew the lists at once. What was revoked before stays as it was.

        Raises `NotRevocable`, `CertificateNotFound`, `CRLPublicationFailed` (the revocation then holds already, by
        fingerprint, and the next `publish` puts it on the list).
        """
        _check_reason(reason)
        if not chosen:
            raise CertificateNotFound("no certificate matches")
        for certificate in chosen:
            if certificate.subject_kind == SubjectKind.AUTHORITY:
                raise NotRevocable("an authority is retired, not revoked: its certificates must be replaced first")
            if certificate.revoked_at is None:
                revoked = event(EventType.CERTIFICATE_REVOKED, certificate, now, revocation_reason=reason)
                self._certificates.revoke(certificate.fingerprint, now, reason, revoked)
        self.publish(now)
        return tuple(c for one in chosen for c in self._certificates.find(fingerprint=one.fingerprint))

    def retire(self, name: str, now: datetime, *, reason: str = "superseded", force: bool = False) -> None:
        """Second stage of a generation change: put an issuing authority on its root's list and stop trusting it.

        The gateway's own certificate does not hold it back: the next one is made as soon as this authority is retired.

        Raises `NotRevocable` for an unknown reason, `AuthorityNotFound`, or `AuthorityInUse` while unexpired certificates
        of it are in use, unless forced.
        """
        _check_reason(reason)
        leaving = self._hierarchy.named(name)
        in_use = (c for c in self._certificates.find(authority=name) if c.revoked_at is None and c.not_after > now)
        dependants = [c for c in in_use if not is_gateways(c)]
        if dependants and not force:
            names = sorted({c.name for c in dependants})
            more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
            raise AuthorityInUse(f"certificates of {name} are in use: {', '.join(names[:MAX_NAMED])}{more}")
        self._hierarchy.retire(name, now)
        for certificate in self._certificates.find(name=leaving.name):
            if certificate.subject_kind == SubjectKind.AUTHORITY:
                retired = event(EventType.CERTIFICATE_REVOKED, certificate, now, revocation_reason=reason)
                self._certificates.revoke(certificate.fingerprint, now, reason, retired)
        self.publish(now)

    def publish(self, now: datetime) -> tuple[IssuedCRL, ...]:
        """Renew every list that is due: none yet, past half its life, or not saying what the store says.

        Every authority is tried. Raises `CRLPublicationFailed` naming those that failed, after logging them as errors;
        `StoreUnavailable` when not even the present state can be read.
        """
        published: list[IssuedCRL] = []
        failed: dict[str, str] = {}
        state = self._state(now)
        for authority in self._hierarchy.all():
            if authority.certificate.not_valid_after_utc <= now:
                continue
            try:
                issued = self._publish_one(authority, state, now)
            except (StoreError, ValueError) as error:
                LOG.exception("the revocation list of %s was not renewed", authority.name)
                failed[authority.name] = type(error).__name__
                continue
            if issued is not None:
                published.append(issued)
        if failed:
            raise CRLPublicationFailed(failed)
        return tuple(published)

    def trust(self) -> ClientTrust:
        """Active authorities that have a list, and those lists; raises `NotEnsured` rather than hand out less.

        An authority without a list is left out, because its presence would refuse its clients without a reason, and
        no lists at all would turn revocation off.
        """
        lists = {crl.authority: crl for crl in self._certificates.crls()}
        trusted = [authority for authority in self._hierarchy.active() if authority.name in lists]
        if not any(a.is_root for a in trusted) or all(a.is_root for a in trusted):
            raise NotEnsured("no authority with a revocation list: start the certification authority first")
        return ClientTrust(bundle(trusted), "".join(lists[authority.name].pem for authority in trusted))

    def revoked_fingerprints(self, now: datetime) -> frozenset[str]:
        """Fingerprints of certificates that were revoked, or whose authority was retired, and are not over by themselves."""
        retired = [authority.name for authority in self._hierarchy.all() if authority.retired is not None]
        distrusted = (c for name in retired for c in self._certificates.find(authority=name) if c.not_after > now)
        return frozenset(c.fingerprint for c in (*self._certificates.revoked(now), *distrusted))

    def health(self, now: datetime) -> tuple[CRLHealth, ...]:
        """The state of the list of every active authority; one that is missing has number 0 and is overdue."""
        lists = {crl.authority: crl for crl in self._certificates.crls()}
        rows = []
        for authority in self._hierarchy.active():
            crl = lists.get(authority.name)
            if crl is None:
                rows.append(CRLHealth(authority.name, 0, now, overdue=True))
            else:
                rows.append(CRLHealth(crl.authority, crl.number, crl.next_update, overdue=now >= _alarm_at(crl)))
        return tuple(rows)

    def _state(self, now: datetime) -> _State:
        """Lists and certificates, in this order: a list signed from them with a higher number never says less."""
        lists = {crl.authority: crl for crl in self._certificates.crls()}
        return _State(lists, self._certificates.revoked(now - self._settings.crl_validity))

    def _publish_one(self, authority: HeldAuthority, state: _State, now: datetime) -> IssuedCRL | None:
        """Renew one list if it is due."""
        for _ in range(PUBLISH_ATTEMPTS):
            stored = state.lists.get(authority.name)
            entries = state.entries(authority.name)
            if stored is not None and not _is_due(stored, entries, now):
                return None
            crl = self._signed(authority, entries, (stored.number if stored else 0) + 1, now)
            details: dict[str, str | int] = {"authority": crl.authority, "number": crl.number, "entries": len(entries)}
            try:
                self._certificates.put_crl(crl, Event(EventType.CRL_ISSUED, now, details=details))
            except AlreadyExists:
                state = self._state(now)
                continue
            return crl
        raise ValueError("other processes keep publishing this list")

    def _signed(self, authority: HeldAuthority, entries: Sequence[Revoked], number: int, now: datetime) -> IssuedCRL:
        validity = self._settings.crl_validity
        crl = build_crl(authority.issuer, entries, number=number, now=now, validity=validity)
        if crl.next_update_utc is None:
            raise ValueError("a list without an end was signed")
        pem = crl.public_bytes(Encoding.PEM).decode("ascii")
        return IssuedCRL(authority.name, number, crl.last_update_utc, crl.next_update_utc, pem)


def _check_reason(reason: str) -> None:
    if reason not in REASONS:
        raise NotRevocable(f"a reason is one of {', '.join(REASONS)}")


def _is_due(stored: IssuedCRL, entries: Sequence[Revoked], now: datetime) -> bool:
    """Past half its life, from a clock ahead of ours, or different from what it should say."""
    half = stored.this_update + (stored.next_update - stored.this_update) / 2
    listed = revoked_serials(x509.load_pem_x509_crl(stored.pem.encode("ascii")))
    return now >= half or now < stored.this_update or listed != {entry.serial for entry in entries}


def _alarm_at(stored: IssuedCRL) -> datetime:
    """When somebody should look: three quarters of its life gone and not renewed."""
    return stored.next_update - max((stored.next_update - stored.this_update) / 4, timedelta())
