"""What a JOSE seal says of itself, for people who look into what went wrong. Nothing of it is checked, and nobody may act on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.jose import jwe, jws_octets
from wardgate.jose.errors import MalformedJWS
from wardgate.sealing.context import context_of, read_context
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Context, Limits, Suite
from wardgate.sealing.translation import jose_refusals

DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Inspection:
    """The claims of a seal that nobody has verified."""

    suite: Suite
    header: Mapping[str, Any]
    """Of the encryption, or of the signature beside a clear message."""
    beside: tuple[str, ...]
    """The kinds of what lies beside the signature: sigTst, cSig."""
    recipients: tuple[Mapping[str, Any], ...]
    """alg, kid and x5t#S256 of each."""
    context: Context | None
    """None: it has none that can be read."""
    encrypted_bytes: int


def inspect(body: bytes, limits: Limits = DEFAULT_LIMITS) -> Inspection:
    """Return what the outermost layer says, of a sealed body or a detached signature. Raises `SealRefused` with `seal-malformed`."""
    try:
        return _signature(jws_octets.parse(body, limits.max_sealed_bytes))
    except MalformedJWS:
        pass
    with jose_refusals():
        sealed = jwe.parse(body, limits.max_sealed_bytes, limits.max_recipients)
    recipients = tuple({name: one.header[name] for name in ("alg", "kid", "x5t#S256") if name in one.header} for one in sealed.recipients)
    try:
        context = read_context(sealed.aad or b"")
    except SealRefused:
        context = None
    return Inspection(Suite.MODERN, sealed.header, (), recipients, context, len(sealed.ciphertext))


def _signature(jws: jws_octets.UnverifiedJWS) -> Inspection:
    try:
        context = context_of(jws.header.get("ctx"))
    except SealRefused:
        context = None
    beside = jws.unprotected.get("etsiU", [])
    kinds = tuple(str(name)[:20] for one in beside if isinstance(one, dict) for name in one) if isinstance(beside, list) else ()
    return Inspection(Suite.DETACHED, jws.header, kinds[:20], (), context, 0)
