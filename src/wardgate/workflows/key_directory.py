"""The keys that organisations published, indexed for whoever seals and opens (itk3-messaging 6). Pure: PEM is read here, nothing is fetched."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self, TypeVar

from cryptography.hazmat.primitives import hashes

from wardgate.pki import pem
from wardgate.sealing.keys import MessageKey, State, Trust, Use
from wardgate.workflows.model import MessageKeys

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OrganisationKeys:
    """One document, read: an organisation's keys and who is believed for it."""

    organisation: str
    keys: tuple[MessageKey, ...]
    trust: Trust
    """`anchors` is empty where the document states none: then the environment's own authorities are believed."""


def read_keys(document: MessageKeys) -> OrganisationKeys:
    """Read the certificates and revocation lists of a document. Raises `MalformedPEM`."""
    keys, between = [], []
    for stated in document.keys:
        leaf, *others = pem.certificates(stated.certificate.encode("ascii"))
        keys.append(MessageKey(stated.kid, document.organisation, stated.use, leaf, stated.state, stated.revoked_at))
        between += others
    anchors = pem.certificates(document.anchors.encode("ascii")) if document.anchors is not None else []
    lists = pem.revocation_lists(document.revocations.encode("ascii")) if document.revocations is not None else []
    trust = Trust(tuple(anchors), tuple(dict.fromkeys(between)), tuple(lists))
    return OrganisationKeys(document.organisation, tuple(keys), trust)


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """The directory of message keys: a `sealing.keys.KeyDirectory`. Made anew when something changes; asking costs nothing."""

    keys: Mapping[str, MessageKey] = field(default_factory=dict)
    """By kid."""
    certified: Mapping[bytes, MessageKey] = field(default_factory=dict, repr=False)
    """By the SHA-256 of the certificate."""
    encrypting: Mapping[str, tuple[MessageKey, ...]] = field(default_factory=dict, repr=False)
    trusts: Mapping[str, Trust] = field(default_factory=dict, repr=False)
    clock: Trust = field(default=Trust(), repr=False)

    @classmethod
    def of(
        cls, organisations: Iterable[OrganisationKeys], own: Trust = Trust(), clock: Trust = Trust(),  # noqa: B008 - frozen and empty
        revoked: Mapping[str, datetime] | None = None,
    ) -> Self:
        """Make the directory. `own` are this environment's authorities, believed where an organisation states none.

        `clock` are those believed about the time; `revoked` are certificates that our own authority took back, and when,
        by lower-case hex SHA-256.
        """
        found: list[MessageKey] = []
        trusts: dict[str, Trust] = {}
        for stated in sorted(organisations, key=lambda one: one.organisation):
            found += [_as_revoked(key, revoked or {}) for key in stated.keys]
            believed = stated.trust if stated.trust.anchors else own
            trusts[stated.organisation] = Trust(
                believed.anchors, (*own.intermediates, *stated.trust.intermediates) if believed is own else stated.trust.intermediates,
                (*own.revocations, *stated.trust.revocations) if believed is own else stated.trust.revocations,
            )
        keys = _one_owner(found, lambda key: key.kid)
        certified = _one_owner(keys.values(), lambda key: key.certificate.fingerprint(hashes.SHA256()))
        return cls(keys, certified, _encrypting(keys.values()), trusts, clock)

    def key(self, kid: str) -> MessageKey | None:
        """Return the key by its id, in whatever state."""
        return self.keys.get(kid)

    def by_certificate(self, sha256: bytes) -> MessageKey | None:
        """Return the key by the SHA-256 of its certificate's DER."""
        return self.certified.get(sha256)

    def encryption_keys(self, organisation: str) -> Sequence[MessageKey]:
        """Return the published encryption keys of an organisation, the newest first."""
        return self.encrypting.get(organisation, ())

    def trust(self, organisation: str) -> Trust:
        """Return who is believed for an organisation; nobody when it is unknown."""
        return self.trusts.get(organisation, _NOBODY)

    def time_authorities(self) -> Trust:
        """Return who is believed about the time."""
        return self.clock


_NOBODY = Trust()


def _one_owner(keys: Iterable[MessageKey], name_of: Callable[[MessageKey], T]) -> dict[T, MessageKey]:
    """Return keys by a name; one that keys of two organisations have is nobody's."""
    found: dict[T, MessageKey] = {}
    disputed: set[T] = set()
    for key in keys:
        name = name_of(key)
        if found.setdefault(name, key).organisation != key.organisation:
            disputed.add(name)
    return {name: key for name, key in found.items() if name not in disputed}


def _as_revoked(key: MessageKey, revoked: Mapping[str, datetime]) -> MessageKey:
    """The authority that certified a key may have taken that back before its organisation says so."""
    at = revoked.get(key.certificate.fingerprint(hashes.SHA256()).hex())
    if at is None:
        return key
    return replace(key, state=State.REVOKED, revoked_at=at if key.revoked_at is None else min(at, key.revoked_at))


def _encrypting(keys: Iterable[MessageKey]) -> dict[str, tuple[MessageKey, ...]]:
    found: dict[str, list[MessageKey]] = {}
    for key in keys:
        if key.use is Use.ENCRYPTION and key.state is State.PUBLISHED:
            found.setdefault(key.organisation, []).append(key)
    return {ods: tuple(sorted(held, key=lambda key: (key.certificate.not_valid_before_utc, key.kid), reverse=True)) for ods, held in found.items()}
