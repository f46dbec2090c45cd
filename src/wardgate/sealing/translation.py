"""What `jose` says, in the words of seals."""

from collections.abc import Iterator
from contextlib import contextmanager

from wardgate.jose.errors import AlgorithmRefused, BadSignature, JOSEError, NoRecipient, Undecryptable, UnsuitableKey
from wardgate.sealing.errors import SealRefused

CODES: tuple[tuple[tuple[type[JOSEError], ...], str], ...] = (
    ((AlgorithmRefused, UnsuitableKey), "seal-algorithm-refused"),
    ((NoRecipient,), "seal-not-for-us"),
    ((BadSignature,), "signature-invalid"),
    ((JOSEError,), "seal-malformed"),
)


@contextmanager
def jose_refusals() -> Iterator[None]:
    """Turn each error of `jose` into `SealRefused`; of one that does not decrypt, nothing more is said."""
    try:
        yield
    except Undecryptable:
        raise SealRefused("seal-undecryptable") from None
    except JOSEError as fault:
        code = next(code for kinds, code in CODES if isinstance(fault, kinds))
        raise SealRefused(code, fault.expected, fault.received) from None
