"""Counter-signatures over a signature that exists: somebody else has seen it, and says so (itk3-messaging 3.1, 6).

While a message is sealed they are made with it (`modern.seal`, `detached.seal`). After it was opened, or beside a detached signature,
they are made here: a JWS over the signature as it is written, which travels or is kept by itself.
"""

from datetime import datetime
from typing import Final

from wardgate.jose import jws_octets
from wardgate.sealing import beside_signature
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, SigningKey
from wardgate.sealing.model import Limits, Signed, Statement
from wardgate.sealing.translation import jose_refusals

MAX_EVIDENCE_BYTES: Final = 32 * 1024 * 1024
DEFAULT_LIMITS: Final = Limits()


def counter_sign(evidence: bytes, signer: SigningKey, statement: Statement) -> bytes:
    """Return a counter-signature over the signature in `evidence`: a JWS in either form, as `Opened.evidence` has it.

    Raises `SealRefused`.
    """
    return beside_signature.counter_sign(_signature(evidence), signer, statement)


def check_counter_signature(evidence: bytes, counter: bytes, *, directory: KeyDirectory, now: datetime, limits: Limits = DEFAULT_LIMITS) -> Signed:
    """Return who counter-signed the signature in `evidence`. That signature itself is proved by opening, not here. Raises `SealRefused`."""
    return beside_signature.check_counter_signature(counter, _signature(evidence), directory, now, limits)


def _signature(evidence: bytes) -> bytes:
    if not evidence:
        raise SealRefused("seal-signature-missing", "a signature", "none")
    with jose_refusals():
        return jws_octets.parse(evidence, MAX_EVIDENCE_BYTES).encoded_signature
