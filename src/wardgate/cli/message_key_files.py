"""Message keys in files: partners' certificates, authorities and revocation lists come in; ours go out."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import ValidationError

from wardgate.cli.authority import authority_of
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.message_key_store import (
    change_document,
    check_organisation,
    document_for,
    hardware,
    key_event,
    known_keys,
    spki,
    with_key,
)
from wardgate.cli.options import IN_FILE, read_input
from wardgate.cli.output import Printer
from wardgate.cli.revocation_lists import fetch_list
from wardgate.keystores.hardware_requests import public_key_at
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.message_keys import loaded_decryption_key, loaded_signing_key
from wardgate.keystores.pkcs11 import HardwareModule
from wardgate.keystores.private_keys import load_private
from wardgate.manifest.documents import as_stated
from wardgate.pki import pem
from wardgate.pki.chain import fingerprint
from wardgate.pki.errors import MalformedPEM
from wardgate.sealing.keys import State, Use
from wardgate.sealing.trust import key_usages
from wardgate.stores.message_keys import HeldMessageKey
from wardgate.workflows.model import MessageKeys, PublishedKey
from wardgate.workflows.revocation_lists import ListRefused, distribution_points, joined, newest, read_lists

SECTION: Final = "message_keys"
_LATER: Final = {State.PUBLISHED: 0, State.RETIRED: 1, State.REVOKED: 2}


@click.command("import")
@click.argument("file", type=IN_FILE)
@click.option("--organisation", default=None, metavar="ODS", help="The organisation whose key it is; of a file that says so, without it all of them.")
@click.option("--use", type=click.Choice([use.value for use in Use]), default=None, help="What a certificate's key is for; without it, what its key usage says.")
@click.option("--kid", default=None, metavar="KID", help="The id of a partner's key; without it one is made of its certificate.")
@click.option("--hardware", "uri", default=None, metavar="URI", help="Where the private half is in the hardware module: pkcs11:token=TOKEN;object=KEY.")
@wait_option
@with_world
def import_keys(
    file: Path, organisation: str | None, use: str | None, kid: str | None, uri: str | None, wait: float, world: World, printer: Printer,
) -> None:
    """Publish a partner's key from its certificate, or all that `wardgate message keys export` wrote; or take the certificate of a key of ours.

    A certificate's PEM may be followed by those between it and an authority that is trusted for the organisation.
    """
    content = read_input(file, "the keys")
    if f"{SECTION}:".encode() not in content:
        if organisation is None:
            raise click.UsageError("a certificate is imported with --organisation")
        check_organisation(world, organisation)
        generation, kids = _certificate(world, content, organisation, use, kid, uri)
    else:
        if any(option is not None for option in (use, kid, uri)):
            raise click.UsageError("--use, --kid and --hardware are for a certificate")
        generation, kids = _documents(world, content, organisation)
    confirm(world, printer, generation, wait, {"keys": kids}, [f"imported {name}" for name in kids] or ["everything was here already"])


@click.command("export")
@click.option("--organisation", required=True, metavar="ODS", help="The organisation whose public keys are written.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", help="Write them to this file instead of printing them.")
@with_world
def export_keys(organisation: str, out: Path | None, world: World, printer: Printer) -> None:
    """Write an organisation's public keys, authorities and revocation lists for a partner, whose Wardgate imports the file."""
    document = document_for(world.manifest()[1], organisation)
    if not document.keys:
        raise Failed(f"{organisation} has no message keys")
    if document.anchors is None:
        authority = authority_of(world)
        document = document.model_copy(update={"anchors": authority.roots(), "revocations": authority.crl_bundle()})
    stated = {SECTION: [as_stated(SECTION, document)]}
    text = yaml.safe_dump(stated, sort_keys=False)
    if out is not None:
        out.write_text(text, encoding="utf-8")
        printer.answer({"file": str(out), "keys": [key.kid for key in document.keys]}, [f"wrote {len(document.keys)} keys of {organisation} to {out}"])
        return
    printer.answer(stated, text.rstrip("\n").split("\n"))


@click.command()
@click.argument("file", type=IN_FILE, required=False)
@click.option("--organisation", required=True, metavar="ODS", help="The organisation that they may certify keys of.")
@click.option("--own", is_flag=True, help="Trust this environment's own authorities again, and no others.")
@wait_option
@with_world
def trust(file: Path | None, organisation: str, own: bool, wait: float, world: World, printer: Printer) -> None:
    """Trust the authorities of a PEM file, and no others, to certify an organisation's message keys. Their lists: `revocations`."""
    if own == (file is not None):
        raise click.UsageError("give a file or --own")
    check_organisation(world, organisation)
    anchors = None if file is None else "".join(map(_block, _read_certificates(read_input(file, "the authorities"))))
    change: dict[str, Any] = {"anchors": anchors} | ({"revocations": None} if own else {})
    event = key_event(world, "", organisation, "trust", own=own)
    generation = change_document(world, organisation, lambda document: document.model_copy(update=change), event)
    names = [found.subject.rfc4514_string() for found in pem.certificates((anchors or "").encode())] if anchors else ["this environment's own authorities"]
    confirm(world, printer, generation, wait, {"organisation": organisation, "trusted": names}, [f"trusted for {organisation}: {name}" for name in names])


@click.command()
@click.argument("files", nargs=-1, type=IN_FILE, metavar="[FILE]...")
@click.option("--organisation", required=True, metavar="ODS", help="The organisation whose authorities' lists they are.")
@click.option("--fetch", is_flag=True, help="Fetch them from where the certificates say that they are published.")
@click.option("--allow-loopback", is_flag=True, help="Fetch them from this machine as well.")
@wait_option
@with_world
def revocations(files: tuple[Path, ...], organisation: str, fetch: bool, allow_loopback: bool, wait: float, world: World, printer: Printer) -> None:
    """Take the revocation lists of an organisation's authorities, PEM or DER. An older list never replaces a newer one."""
    document = document_for(world.manifest()[1], organisation)
    if document.anchors is None:
        raise Failed(f"the keys of {organisation} are trusted by this environment's own authorities, whose lists are always at hand")
    if fetch == bool(files):
        raise click.UsageError("give files or --fetch")
    texts = [fetch_list(url, allow_loopback=allow_loopback) for url in distribution_points(document)] if fetch else [read_input(file, "a revocation list") for file in files]
    if not texts:
        raise Failed(f"no certificate of {organisation} says where its authority's list is published")
    try:
        kept = newest(document, [found for text in texts for found in read_lists(text)])
    except ListRefused as refused:
        raise Failed(str(refused)) from None
    event = key_event(world, "", organisation, "revocations", lists=len(kept))
    generation = change_document(world, organisation, lambda current: current.model_copy(update={"revocations": joined(kept)}), event)
    data = [{"issuer": found.issuer.rfc4514_string(), "last_update": found.last_update_utc.isoformat(), "revoked": sum(1 for _ in found),
             "next_update": found.next_update_utc.isoformat() if found.next_update_utc else None} for found in kept]
    confirm(world, printer, generation, wait, {"organisation": organisation, "lists": data},
            [f"{row['issuer']}: {row['revoked']} revoked, next list due {row['next_update'] or 'never'}" for row in data])


def _read_certificates(content: bytes) -> list[x509.Certificate]:
    try:
        return pem.certificates(content)
    except MalformedPEM as bad:
        raise Failed(f"the file is not what was asked for: {bad}") from None


def _block(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def _certificate(world: World, content: bytes, organisation: str, use: str | None, kid: str | None, uri: str | None) -> tuple[int, list[str]]:
    chain = _read_certificates(content)
    text, what = "".join(map(_block, chain)), Use(use) if use is not None else _use_of(chain[0])
    own = _waiting(world, chain[0], organisation)
    if own is not None:
        held = world.stores.message_keys.change(
            own.kid, lambda key: replace(key, certificate_pem=text), key_event(world, own.kid, organisation, "certified"))
        return world.stores.generation.current(), [own.kid] if held is not None else []
    name = kid or f"{organisation.lower()}-{fingerprint(chain[0])[:16]}"
    if any(key.kid == name and key.published is not None for key in known_keys(world)):
        raise Failed(f"the key id {name} was used before: an id is never used again")
    if uri is not None:
        held_key = HeldMessageKey(name, organisation, what, world.now, None, HardwareURI.parse(uri).text, text)
        _prove(world, held_key)
        world.stores.message_keys.add(held_key, key_event(world, name, organisation, "made", use=what.value, hardware=True))
    key = PublishedKey(kid=name, use=what, certificate=text)
    event = key_event(world, name, organisation, "imported")
    return change_document(world, organisation, lambda document: with_key(document, key), event), [name]


def _waiting(world: World, certificate: x509.Certificate, organisation: str) -> HeldMessageKey | None:
    """Return the key of ours that waits for this certificate: its private half has to be the certificate's."""
    public = spki(certificate.public_key())
    for key in world.stores.message_keys.all():
        if key.certificate_pem is not None or key.organisation != organisation:
            continue
        if key.private_pem is not None and spki(load_private(key.private_pem).public_key()) == public:
            return key
        if key.hardware is not None and spki(public_key_at(_module(world), HardwareURI.parse(key.hardware))) == public:
            _prove(world, replace(key, certificate_pem=_block(certificate)))
            return key
    return None


def _module(world: World) -> HardwareModule:
    found = hardware(world)
    if found is None:
        raise Failed("no hardware module is set: WARDGATE_PKCS11_MODULE names its library")
    return found


def _prove(world: World, key: HeldMessageKey) -> None:
    """The module has the private half of the certificate: it signs something that verifies, or agrees as the certificate's key does."""
    if key.use is Use.SIGNING:
        loaded_signing_key(key, hardware(world)).sign(b"wardgate message keys import")
        return
    found = loaded_decryption_key(key, hardware(world))
    public: Any = found.certificate.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        ours = ec.generate_private_key(public.curve)
        if found.agree(ours.public_key()) != ours.exchange(ec.ECDH(), public):
            raise Failed("the key in the hardware module is not the certificate's")


def _use_of(certificate: x509.Certificate) -> Use:
    usages = key_usages(certificate)
    signs, opens = "digital_signature" in usages, bool(usages & {"key_agreement", "key_encipherment"})
    if signs == opens:
        raise Failed("the certificate's key usage does not say whether it is for signing or for encryption: give --use")
    return Use.SIGNING if signs else Use.ENCRYPTION


def _documents(world: World, content: bytes, organisation: str | None) -> tuple[int, list[str]]:
    """Take what `export` wrote, key by key. Of what is here already, only that it is retired or revoked by now."""
    kids: list[str] = []
    for document in _stated(content):
        if organisation not in {None, document.organisation}:
            continue
        check_organisation(world, document.organisation)
        here = {key.kid: key for key in document_for(world.manifest()[1], document.organisation).keys}
        more = tuple(key for key in document.keys if key.kid not in here or _LATER[key.state] > _LATER[here[key.kid].state])
        kids += [key.kid for key in more]

        def join(current: MessageKeys, more: tuple[PublishedKey, ...] = more, document: MessageKeys = document) -> MessageKeys:
            return current.model_copy(update={
                "keys": _joined(current.keys, more), "anchors": document.anchors or current.anchors, "revocations": document.revocations or current.revocations})

        change_document(world, document.organisation, join, key_event(world, "", document.organisation, "imported", keys=len(more)))
    return world.stores.generation.current(), kids


def _joined(held: tuple[PublishedKey, ...], more: tuple[PublishedKey, ...]) -> tuple[PublishedKey, ...]:
    """NOTE: a key id that was published for another certificate is refused by the rule that an id is never used again."""
    names = {key.kid for key in more}
    return (*(key for key in held if key.kid not in names), *more)


def _stated(content: bytes) -> list[MessageKeys]:
    try:
        data = yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        entries = data[SECTION] if isinstance(data, Mapping) and isinstance(data.get(SECTION), list) else None
        if entries is None:
            raise Failed(f"the file holds neither certificates in PEM nor `{SECTION}` as `wardgate message keys export` writes them")
        return [MessageKeys.model_validate(entry) for entry in entries]
    except (yaml.YAMLError, UnicodeDecodeError):
        raise Failed("the file is neither PEM nor YAML") from None
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False)[0]
        raise Failed(f"{SECTION}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
