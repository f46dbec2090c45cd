"""Making a message key: here or in a hardware module, certified by our own authority or by a request for another."""

from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.cli.authority import authority_of
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.message_key_store import hardware, key_event, new_kid
from wardgate.keystores.hardware_keys import new_hardware_key, remove_hardware_key
from wardgate.keystores.hardware_requests import certificate_request, public_key_at
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.private_keys import load_private, new_private_pem
from wardgate.pki.profiles import ORGANISATION_URN, organisation_subject
from wardgate.sealing.keys import Use
from wardgate.stores.message_keys import HeldMessageKey

NO_PROOF: Final = (
    "a key for encryption in hardware cannot sign a request for itself: have the module's own tools and the authority agree on it, "
    "then import its certificate with --hardware")


def make_key(
    world: World, organisation: str, use: Use, *, kind: str, bits: int, kid: str | None = None, token: str | None = None, request: Path | None = None,
) -> HeldMessageKey:
    """Make a key and hold it; without `request` it is certified by our own authority. Raises `Failed`, `KeyStoreError`, `CAError`."""
    if token is not None and request is not None and use is not Use.SIGNING:
        raise Failed(NO_PROOF)
    name = new_kid(world, organisation, use, kid)
    private_pem, uri, public = _made(world, name, use, kind, bits, token)
    try:
        certificate = None if request is not None else _certified(world, public, organisation, use, name)
        key = HeldMessageKey(name, organisation, use, world.now, private_pem, uri.text if uri is not None else None, certificate)
        if request is not None:
            asked = _request_for(organisation, use, name)
            _write(request, _signed(asked, private_pem) if private_pem is not None else certificate_request(_module(world), _place(uri), public, asked))
        world.stores.message_keys.add(key, key_event(world, name, organisation, "made", use=use.value, hardware=uri is not None))
    except Exception:
        if uri is not None:  # what nobody knows of does not stay in the module
            remove_hardware_key(_module(world), uri)
        raise
    return key


def _made(world: World, kid: str, use: Use, kind: str, bits: int, token: str | None) -> tuple[str | None, HardwareURI | None, Any]:
    if token is None:
        private_pem = new_private_pem(kind, bits)
        return private_pem, None, load_private(private_pem).public_key()
    uri, public = new_hardware_key(_module(world), token, kid, use, kind, bits)
    return None, uri, public


def _certified(world: World, public: Any, organisation: str, use: Use, kid: str) -> str:
    authority = authority_of(world)
    authority.ensure(world.environment.name, world.now)
    return authority.certify_message_key(public, organisation=organisation, use=use, kid=kid, now=world.now).chain_pem


def request_in_hardware(world: World, organisation: str, uri: HardwareURI, kid: str | None, request: Path) -> HeldMessageKey:
    """Ask for a certificate of a key for signing that the module's own tools made, and hold its place. Raises `Failed`, `KeyStoreError`."""
    name = new_kid(world, organisation, Use.SIGNING, kid)
    module = _module(world)
    content = certificate_request(module, uri, public_key_at(module, uri), _request_for(organisation, Use.SIGNING, name))
    _write(request, content)
    key = HeldMessageKey(name, organisation, Use.SIGNING, world.now, None, uri.text, None)
    world.stores.message_keys.add(key, key_event(world, name, organisation, "made", use=Use.SIGNING.value, hardware=True))
    return key


def _request_for(organisation: str, use: Use, kid: str) -> x509.CertificateSigningRequestBuilder:
    """Return a request (RFC 2986) that names the organisation as its certificate has to."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ORGANISATION_URN + organisation)])
    return x509.CertificateSigningRequestBuilder().subject_name(organisation_subject(organisation, use, kid)).add_extension(names, critical=False)


def _signed(asked: x509.CertificateSigningRequestBuilder, private_pem: str) -> bytes:
    return asked.sign(load_private(private_pem), hashes.SHA256()).public_bytes(Encoding.PEM)


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)


def _place(uri: HardwareURI | None) -> HardwareURI:
    if uri is None:
        raise Failed("a key that is not held here has no request")
    return uri


def _module(world: World) -> Any:
    found = hardware(world)
    if found is None:
        raise Failed("no hardware module is set: WARDGATE_PKCS11_MODULE names its library")
    return found
