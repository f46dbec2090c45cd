"""Messages whose header travels in clear around a sealed payload: opened, and put together again (itk3-messaging 6)."""

from typing import Final

from wardgate.client.message import read_opened
from wardgate.exchange.parts import Parts
from wardgate.fhir import Format
from wardgate.itk3 import write
from wardgate.itk3.glimpse import form_of, header_of, version_of
from wardgate.sealing import header_readable
from wardgate.sealing.any_suite import Kind, kind_of
from wardgate.sealing.model import Opened, Transport
from wardgate.workflows.post_office import Rules

_TYPES: Final = {Format.XML: "application/fhir+xml", Format.JSON: "application/fhir+json"}


def is_readable(body: bytes) -> bool:
    """Whether a clear message holds a sealed payload."""
    return kind_of(body) is Kind.HEADER_READABLE


def open_readable(parts: Parts, body: bytes, transport: Transport, rules: Rules) -> tuple[Opened, bytes]:
    """Return what was proved, and the octets of the message with its payload in its place, in the form that it came in.

    Raises `SealRefused`, and `ITK3Error` for what is no valid message then.
    """
    form = form_of(body) or Format.XML
    found = header_readable.open_seal(
        body, _TYPES[form], transport=transport, held=parts.held, directory=parts.directory(), now=parts.now(), limits=parts.patience.limits,
        version=version_of(body, header_of(body, form)), suites=rules.messages.suites,
    )
    return found.opened, write(read_opened(found).message, form)
