"""`wardgate message inspect FILE`: what a message says of itself, believed by nobody."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from wardgate.cli.message_desk import MAX_FILE_BYTES, message_file, read_file
from wardgate.cli.options import printing
from wardgate.cli.output import Printer, pairs
from wardgate.itk2.envelope import read_envelope
from wardgate.itk2.errors import ITK2Refused
from wardgate.itk3.glimpse import form_of, header_of, original_of, version_of
from wardgate.sealing.any_suite import Kind, kind_of
from wardgate.sealing.cms_inspect import inspect_cms
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.header_readable import sealed_payload
from wardgate.sealing.inspect import Inspection, inspect
from wardgate.sealing.xml_inspect import inspect_xml
from wardgate.xmlsecurity.errors import XMLSecurityError

WARNING: Final = "nothing of this is checked: nobody may act on it"
_SHOWN_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Look:
    """What a file looks like, and what it says."""

    kind: Kind
    seal: Inspection | None = None
    clear: Mapping[str, Any] | None = None
    """What is in clear of a message."""
    fault: str | None = None
    """Why nothing more is told."""


@click.command("inspect")
@click.argument("file", type=message_file)
@printing
def inspect_message(file: Path, printer: Printer) -> None:
    """Show what the outermost layer of FILE says: kind of seal, algorithms, recipients, context. Nothing is decrypted, nothing is verified.

    FILE may be a detached signature. What was proved is told by `wardgate message open` and `wardgate message verify`.
    """
    look = looked_at(file)
    data = {"trusted": False, "kind": look.kind.value, "seal": _seal(look.seal), "clear": look.clear, "fault": look.fault}
    printer.answer(data, [*pairs([("looks like", look.kind.value)]), *_lines(look), "", WARNING])


def looked_at(file: Path) -> Look:
    """Return what a file says of itself; of a CMS seal of any size."""
    if str(file) != "-" and file.stat().st_size > MAX_FILE_BYTES:
        with file.open("rb") as opened:
            return _cms(opened) if opened.read(1) == b"\x30" else Look(Kind.MODERN, fault=f"more than {MAX_FILE_BYTES} bytes, and not CMS")
    return look_at(read_file(file, "the message"))


def look_at(body: bytes) -> Look:
    """Return what a body says of itself."""
    kind = kind_of(body)
    if kind is Kind.CMS:
        return _cms(io.BytesIO(body))
    try:
        if kind is Kind.CLEAR:
            return Look(kind, clear=_header(body))
        if kind is Kind.ITK2:
            return Look(kind, clear=_envelope(body))
        if kind is Kind.HEADER_READABLE:
            return Look(kind, inspect(sealed_payload(body)), _header(body))
        seal = inspect_xml(body) if kind is Kind.XML else inspect(body.strip())
        return Look(Kind.DETACHED if seal.suite.value == Kind.DETACHED.value else kind, seal)
    except SealRefused as refused:
        return Look(kind, fault=_fault(refused))
    except (ITK2Refused, XMLSecurityError) as refused:
        return Look(kind, fault=str(refused))


def _cms(source: Any) -> Look:
    source.seek(0)
    try:
        return Look(Kind.CMS, inspect_cms(source))
    except SealRefused as refused:
        return Look(Kind.CMS, fault=_fault(refused))


def _fault(refused: SealRefused) -> str:
    return f"{refused.code}: expected {refused.refusal.expected}, received {refused.refusal.received}"


def _header(body: bytes) -> dict[str, Any]:
    """What a header in clear says, of routing alone."""
    header = header_of(body, form_of(body))
    of = original_of(header, version_of(body, header))
    return {"message_id": of.message_id, "event": of.event, "business_ack": of.business_ack, "infrastructure_ack": of.infrastructure_ack,
            "answers": of.response_identifier, "fhir": of.version.value, "bytes": len(body)}


def _envelope(body: bytes) -> dict[str, Any]:
    envelope = read_envelope(body)
    return {"service": envelope.service, "tracking_id": envelope.tracking_id, "sender": envelope.sender, "addresses": list(envelope.addresses),
            "payloads": [{"id": one.id, "media_type": one.mime_type, "encrypted": one.encrypted} for one in envelope.payloads]}


def _seal(seal: Inspection | None) -> dict[str, Any] | None:
    if seal is None:
        return None
    return {"suite": seal.suite.value, "header": dict(seal.header), "beside": list(seal.beside), "recipients": [dict(one) for one in seal.recipients],
            "context": seal.context.members() if seal.context is not None else None, "encrypted_bytes": seal.encrypted_bytes}


def _lines(look: Look) -> list[str]:
    rows: list[tuple[str, str]] = []
    if look.seal is not None:
        rows += [(name, _short(value)) for name, value in look.seal.header.items() if name not in {"crit", "ctx", "x5c", "obo"}]
        rows += [("beside it", ", ".join(look.seal.beside))]
        rows += [("sealed to", _short(" ".join(str(value) for value in one.values()))) for one in look.seal.recipients]
        rows += [(f"context {name}", _short(value)) for name, value in (look.seal.context.members() if look.seal.context is not None else {}).items()]
        rows += [("encrypted", f"{look.seal.encrypted_bytes} bytes" if look.seal.encrypted_bytes else "")]
    rows += [(name.replace("_", " "), _short(value)) for name, value in (look.clear or {}).items() if value is not None]
    return pairs([*rows, ("no more", look.fault or "")])


def _short(value: object) -> str:
    """What somebody else wrote, on one line that a terminal can show."""
    text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in str(value))
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "\N{HORIZONTAL ELLIPSIS}"
