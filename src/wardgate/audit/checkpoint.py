"""A checkpoint: a signature over the chain's head, as a compact JWS (RFC 7515 section 3.1) with ES256.

The key is the caller's: `sign` and `verify` are given as functions over bytes, so that this room needs no key store.
"""

import base64
import binascii
import json
from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from wardgate.audit.canonical import canonical
from wardgate.audit.redact import instant

TYPE: Final = "wardgate-checkpoint+jwt"
MAX_JWS_CHARACTERS: Final = 2048

Sign = Callable[[bytes], bytes]
"""Return the 64-byte ES256 signature (RFC 7518 section 3.4) of the bytes."""
Verify = Callable[[str, bytes, bytes], bool]
"""Return whether the key named first made the signature (third) of the bytes (second); False for an unknown key."""


class SignedCheckpoint(Protocol):
    """What is checked of a stored or exported checkpoint (`stores.ports.Checkpoint`)."""

    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> datetime: ...
    @property
    def hash(self) -> str: ...
    @property
    def signature(self) -> str: ...


class CheckpointInvalid(Exception):
    """A checkpoint's signature or content is not what it should be. The message says which, in public words."""


def signing_input(seq: int, head_hash: str, at: datetime, kid: str) -> bytes:
    """Return the bytes to sign: the encoded header and claims (RFC 7515 section 5.1)."""
    header = canonical({"alg": "ES256", "kid": kid, "typ": TYPE})
    return f"{_encode(header.encode())}.{_encode(_claims(seq, head_hash, at).encode())}".encode()


def sign_checkpoint(seq: int, head_hash: str, at: datetime, kid: str, sign: Sign) -> str:
    """Return the compact JWS over record `seq` and its hash."""
    signed = signing_input(seq, head_hash, at, kid)
    return f"{signed.decode()}.{_encode(sign(signed))}"


def check_checkpoint(checkpoint: SignedCheckpoint, verify: Verify) -> None:
    """Raise `CheckpointInvalid` unless a known audit key signed exactly this number, hash and time."""
    if len(checkpoint.signature) > MAX_JWS_CHARACTERS:
        raise CheckpointInvalid("the signature is too long to be one of ours")
    try:
        header_part, claims_part, signature_part = checkpoint.signature.split(".")
        header = json.loads(_decode(header_part))
        signature = _decode(signature_part)
        claims = _decode(claims_part).decode()
    except (ValueError, binascii.Error):
        raise CheckpointInvalid("the signature is not a compact JWS") from None
    if not isinstance(header, dict) or header.get("alg") != "ES256" or header.get("typ") != TYPE:
        raise CheckpointInvalid("the signature's header is not that of a checkpoint")
    if claims != _claims(checkpoint.seq, checkpoint.hash, checkpoint.at):
        raise CheckpointInvalid("the signature is over another number, hash or time")
    if not verify(str(header.get("kid")), f"{header_part}.{claims_part}".encode(), signature):
        raise CheckpointInvalid("the signature was not made by an audit key of this installation")


def _claims(seq: int, head_hash: str, at: datetime) -> str:
    return canonical({"seq": seq, "hash": head_hash, "at": instant(at)})


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
