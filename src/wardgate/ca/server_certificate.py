"""The gateway's own certificates, as a server and as a client: kept until due, until its names change, or its authority is retired."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from wardgate.audit.model import EventType
from wardgate.ca.hierarchy import Hierarchy
from wardgate.ca.keys import Randomness
from wardgate.ca.keys import to_pem as key_pem
from wardgate.ca.records import SubjectKind, event, record, to_pem
from wardgate.ca.settings import CASettings
from wardgate.pki import profiles
from wardgate.pki.issue import general_name, issue
from wardgate.pki.names import MAX_COMMON_NAME_CHARACTERS
from wardgate.stores.ports import Certificates, IssuedCertificate, Values

GATEWAY: Final = "gateway"
"""The subject under which the gateway's own certificates are recorded."""
RELAY: Final = "gateway-relay"
"""The subject of those that the gateway shows where it is the client: the secure proxy to endpoints."""
TIME_STAMPING: Final = "gateway-time-stamping"
"""The subject of those that time-stamps are signed with."""
KEY_PREFIX: Final = "server-key:"


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What a TLS end serves. `chain_pem` is the certificate and its issuer, leaf first."""

    fingerprint: str
    chain_pem: str
    private_key_pem: str = field(repr=False)
    not_after: datetime


class ServerCertificates:
    """Gives the current server certificate and makes a new one when it is time. The key is sealed in `Values`."""

    def __init__(
        self, certificates: Certificates, values: Values, hierarchy: Hierarchy, settings: CASettings, randomness: Randomness,
        profile: profiles.Profile = profiles.SERVER, subject: str = GATEWAY,
    ) -> None:
        self._profile = profile
        self._subject = subject
        self._certificates = certificates
        self._values = values
        self._hierarchy = hierarchy
        self._settings = settings
        self._randomness = randomness

    def current(self, names: Sequence[str], now: datetime) -> ServerCertificate:
        """The certificate for exactly these names (DNS names, `localhost`, IP addresses), made if there is none.

        Raises `CheckFailed` for a name that cannot be certified, `NotEnsured`.
        """
        wanted = tuple(dict.fromkeys(names))
        issuers = {a.name: to_pem(a.certificate) for a in self._hierarchy.active()}
        own = self._certificates.find(subject=(str(SubjectKind.SERVER), self._subject))
        candidates = [c for c in own if self._usable(c, now) and c.authority in issuers]
        for candidate in sorted(candidates, key=lambda c: c.not_after, reverse=True):
            private = self._values.get(KEY_PREFIX + candidate.fingerprint)
            if private is not None and _covers(candidate, wanted):
                chain = candidate.certificate_pem + issuers[candidate.authority]
                return ServerCertificate(candidate.fingerprint, chain, private, candidate.not_after)
        return self._new(wanted, now)

    def _usable(self, certificate: IssuedCertificate, now: datetime) -> bool:
        return (
            certificate.revoked_at is None
            and certificate.not_before <= now < certificate.not_after - self._settings.renew_ahead
        )

    def _new(self, names: tuple[str, ...], now: datetime) -> ServerCertificate:
        """Issue with a new key. The key is stored first: a crash in between leaves a key, not a certificate without one."""
        authority = self._hierarchy.issuing(now)
        key = self._randomness.new_key(profiles.KEY_BITS)
        short = next((name for name in names if len(name) <= MAX_COMMON_NAME_CHARACTERS), self._subject)
        draft = profiles.Draft(
            profiles.common_name(short), names, key.public_key(), timedelta(days=self._settings.server_validity_days)
        )
        serial = self._randomness.new_serial()
        certificate = issue(self._profile, draft, authority.issuer, serial=serial, now=now)
        entry = record(certificate, authority=authority.name, name=short, kind=SubjectKind.SERVER, subject=self._subject)
        private = self._values.set_if_absent(KEY_PREFIX + entry.fingerprint, key_pem(key))
        self._certificates.add(
            entry, event(EventType.CERTIFICATE_ISSUED, entry, now, profile=self._profile.name, names=",".join(names))
        )
        return ServerCertificate(
            entry.fingerprint, entry.certificate_pem + to_pem(authority.certificate), private, entry.not_after
        )


def is_gateways(certificate: IssuedCertificate) -> bool:
    """Return whether this is a certificate of the gateway itself, which is renewed without anybody's doing."""
    return certificate.subject_kind == SubjectKind.SERVER and certificate.subject in {GATEWAY, RELAY, TIME_STAMPING}


def _covers(certificate: IssuedCertificate, names: tuple[str, ...]) -> bool:
    loaded = x509.load_pem_x509_certificate(certificate.certificate_pem.encode("ascii"))
    try:
        alternative = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return not names
    return set(alternative) == {general_name(name) for name in names}
