"""The root and its issuing authorities: made once, read from the store, changed in two stages (8.2).

Names in the store and in addresses are `root-1` and `authentication-1`, `authentication-2`, …; the subjects are
`Wardgate <environment> Root Authority` and `Wardgate <environment> Authentication`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from wardgate.audit.model import EventType
from wardgate.ca.errors import AuthorityInUse, AuthorityNotFound, NotEnsured
from wardgate.ca.keys import Randomness, from_pem, to_pem
from wardgate.ca.records import SubjectKind, event, record
from wardgate.ca.records import to_pem as certificate_pem
from wardgate.ca.settings import CASettings
from wardgate.pki import profiles
from wardgate.pki.issue import Issuer, issue, self_issue
from wardgate.stores.errors import AlreadyExists
from wardgate.stores.ports import Authority, Certificates

ROOT: Final = "root-1"
ISSUING_PREFIX: Final = "authentication-"


@dataclass(frozen=True, slots=True)
class HeldAuthority:
    """An authority as stored, ready to sign."""

    name: str
    parent: str | None
    issuer: Issuer
    created: datetime
    retired: datetime | None

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's certificate."""
        return self.issuer.certificate

    @property
    def is_root(self) -> bool:
        """Whether this is a root."""
        return self.parent is None

    @property
    def generation(self) -> int:
        """The number at the end of its name."""
        return int(self.name.rpartition("-")[2])


class Hierarchy:
    """The authorities of the environment. Keys are read from the store once and kept in memory."""

    def __init__(self, certificates: Certificates, settings: CASettings, randomness: Randomness) -> None:
        self._certificates = certificates
        self._settings = settings
        self._randomness = randomness
        self._issuers: dict[str, Issuer] = {}

    def all(self) -> tuple[HeldAuthority, ...]:
        """Every authority, retired ones too: roots first, then by generation."""
        held = [self._held(authority) for authority in self._certificates.authorities()]
        return tuple(sorted(held, key=lambda authority: (not authority.is_root, authority.generation)))

    def active(self) -> tuple[HeldAuthority, ...]:
        """Every authority that has not been retired."""
        return tuple(authority for authority in self.all() if authority.retired is None)

    def named(self, name: str) -> HeldAuthority:
        """The authority of that name; raises `AuthorityNotFound`."""
        found = next((authority for authority in self.all() if authority.name == name), None)
        if found is None:
            raise AuthorityNotFound("no authority has that name")
        return found

    def issuing(self, now: datetime) -> HeldAuthority:
        """The authority that issues now: the newest one trusted for long enough, else the oldest; raises `NotEnsured`."""
        candidates = [authority for authority in self.active() if not authority.is_root]
        if not candidates:
            raise NotEnsured("there is no issuing authority")
        lead = timedelta(seconds=self._settings.trust_lead_seconds)
        settled = [authority for authority in candidates if authority.created + lead <= now]
        return settled[-1] if settled else candidates[0]

    def ensure(self, environment: str, now: datetime) -> None:
        """There are a root, an issuing authority and a record of each. Two processes may do this at once."""
        present = {authority.name for authority in self.all()}
        if ROOT not in present:
            self._add(self._new_root(environment, now))
        if not any(name.startswith(ISSUING_PREFIX) for name in present):
            self._add(self._new_issuing(environment, 1, now))
        self._record_all(now)

    def add_issuing(self, environment: str, now: datetime) -> HeldAuthority:
        """The next generation of issuing authority, beside those there are; raises `NotEnsured` without a root."""
        generation = max((a.generation for a in self.all() if not a.is_root), default=0) + 1
        authority = self._new_issuing(environment, generation, now)
        self._add(authority)
        self._record_all(now)
        return self.named(authority.name)

    def retire(self, name: str, now: datetime) -> None:
        """Stop trusting an issuing authority; raises `AuthorityNotFound` or, for the last or a root, `AuthorityInUse`."""
        leaving = self.named(name)
        if leaving.is_root or not any(not a.is_root and a.name != name for a in self.active()):
            raise AuthorityInUse(f"{name} is the only authority of its kind")
        self._certificates.retire_authority(name, now)

    def _new_root(self, environment: str, now: datetime) -> Authority:
        key = self._randomness.new_key(profiles.ROOT_KEY_BITS)
        draft = profiles.Draft(
            profiles.authority_subject(profiles.root_name(environment)),
            (),
            key.public_key(),
            timedelta(days=self._settings.root_validity_days),
        )
        certificate = self_issue(profiles.ROOT, draft, key, serial=self._randomness.new_serial(), now=now)
        return Authority(ROOT, None, certificate_pem(certificate), to_pem(key), now)

    def _new_issuing(self, environment: str, generation: int, now: datetime) -> Authority:
        roots = [authority for authority in self.active() if authority.is_root]
        if not roots:
            raise NotEnsured("there is no root authority")
        key = self._randomness.new_key(profiles.KEY_BITS)
        draft = profiles.Draft(
            profiles.authority_subject(profiles.issuing_name(environment, generation)),
            (),
            key.public_key(),
            timedelta(days=self._settings.issuing_validity_days),
        )
        certificate = issue(
            profiles.ISSUING, draft, roots[-1].issuer, serial=self._randomness.new_serial(), now=now
        )
        name = f"{ISSUING_PREFIX}{generation}"
        return Authority(name, roots[-1].name, certificate_pem(certificate), to_pem(key), now)

    def _add(self, authority: Authority) -> None:
        """Add the authority, unless another process was first: then theirs holds."""
        try:
            self._certificates.add_authority(authority)
        except AlreadyExists:
            return

    def _record_all(self, now: datetime) -> None:
        """Every authority's certificate is among those issued, with its event. Repairs a crash between the two writes."""
        for authority in self.all():
            entry = record(
                authority.certificate,
                authority=authority.parent or authority.name,
                name=authority.name,
                kind=SubjectKind.AUTHORITY,
                subject=authority.certificate.subject.rfc4514_string(),
            )
            if self._certificates.find(fingerprint=entry.fingerprint):
                continue
            try:
                self._certificates.add(entry, event(EventType.CERTIFICATE_ISSUED, entry, now))
            except AlreadyExists:
                continue

    def _held(self, authority: Authority) -> HeldAuthority:
        issuer = self._issuers.get(authority.certificate_pem)
        if issuer is None:
            certificate = x509.load_pem_x509_certificate(authority.certificate_pem.encode("ascii"))
            issuer = Issuer(certificate, from_pem(authority.private_pem), self._settings.publication(authority.name))
            self._issuers[authority.certificate_pem] = issuer
        return HeldAuthority(authority.name, authority.parent, issuer, authority.created, authority.retired)


def bundle(authorities: Sequence[HeldAuthority]) -> str:
    """The authorities' certificates as one PEM text."""
    return "".join(certificate_pem(authority.certificate) for authority in authorities)
