"""The directory of message keys in memory: what the manifest states, and what this environment's own authorities say of it."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from wardgate.catalogue import Environment
from wardgate.keystores.pkcs11 import HardwareModule, pin_of
from wardgate.pki import pem
from wardgate.sealing.keys import Trust
from wardgate.server.settings import Settings
from wardgate.stores import Stores
from wardgate.workflows.key_directory import OrganisationKeys, PublishedKeys, read_keys
from wardgate.workflows.model import MessageKeys

_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CERTIFICATES, _LISTS = "CERTIFICATE", "X509 CRL"


class MessageKeyKeeper:
    """Holds the documents read; `refresh` takes what changed and returns the directory."""

    def __init__(self) -> None:
        self._read: dict[str, OrganisationKeys] = {}
        self._own = Trust()
        self._seen: tuple[str, ...] = ()
        self._made_of: tuple[object, ...] = ()
        self._made = PublishedKeys()

    def refresh(
        self, stores: Stores, environment: Environment | None, documents: Mapping[str, MessageKeys], changed: Collection[tuple[str, str]],
    ) -> PublishedKeys:
        """Return the directory of this moment. Raises `MalformedPEM` for what no check can have let through."""
        fresh = False
        for kind, name in changed:
            if kind == "message_keys":
                fresh = True
                self._read.pop(name, None)
                if name in documents:
                    self._read[name] = read_keys(documents[name])
        own = self._own_authorities(stores)
        revoked = _revoked(stores) if self._read else {}
        made_of = (own, environment.time_stamp_trust if environment is not None else None, revoked)
        if fresh or made_of != self._made_of:
            stated = time_stamp_trust(environment)
            clock = Trust((*own.anchors, *stated.anchors), own.intermediates, (*own.revocations, *stated.revocations))
            self._made, self._made_of = PublishedKeys.of(self._read.values(), own, clock, revoked), made_of
        return self._made

    def _own_authorities(self, stores: Stores) -> Trust:
        """This environment's roots, the authorities below them, retired ones too, and the list of each: a retired one stands on its root's."""
        authorities, lists = stores.certificates.authorities(), sorted(stores.certificates.crls(), key=lambda crl: crl.authority)
        seen = (*(found.certificate_pem for found in authorities), *(crl.pem for crl in lists))
        if seen != self._seen:
            roots = [found for found in authorities if found.parent is None and found.retired is None]
            below = [found for found in authorities if found.parent is not None]
            self._own = Trust(
                tuple(x509.load_pem_x509_certificate(found.certificate_pem.encode("ascii")) for found in roots),
                tuple(x509.load_pem_x509_certificate(found.certificate_pem.encode("ascii")) for found in below),
                tuple(x509.load_pem_x509_crl(crl.pem.encode("ascii")) for crl in lists),
            )
            self._seen = seen
        return self._own


def directory_of_keys(stores: Stores, environment: Environment, documents: Collection[MessageKeys]) -> PublishedKeys:
    """Return the directory at once, for a command."""
    named = {document.organisation: document for document in documents}
    return MessageKeyKeeper().refresh(stores, environment, named, [("message_keys", name) for name in named])


def time_stamp_trust(environment: Environment | None) -> Trust:
    """Return who the environment states is believed about the time. Raises `MalformedPEM`."""
    text = (environment.time_stamp_trust or "").encode() if environment is not None else b""
    kinds = {_CERTIFICATES: b"", _LISTS: b""}
    for label, block in pem.every_block(text):
        kinds[label] = kinds.get(label, b"") + block + b"\n"
    return Trust(
        tuple(pem.certificates(kinds[_CERTIFICATES])) if kinds[_CERTIFICATES] else (), (),
        tuple(pem.revocation_lists(kinds[_LISTS])) if kinds[_LISTS] else (),
    )


def _revoked(stores: Stores) -> dict[str, datetime]:
    """Certificates of ours that were taken back, and when."""
    found = {entry.fingerprint: entry.revoked_at for entry in stores.certificates.revoked(_EVER)}
    return {fingerprint: at for fingerprint, at in found.items() if at is not None}


def hardware_of(settings: Settings, environ: Mapping[str, str]) -> HardwareModule | None:
    """Return the hardware module that the settings name; its PIN is asked for when a key in it is first used."""
    if settings.pkcs11_module is None:
        return None
    return HardwareModule(settings.pkcs11_module, lambda: pin_of(environ), settings.pkcs11_timeout_seconds)
