"""What is put beside a signature after it was made: a time-stamp and counter-signatures, in the unprotected header `etsiU`.

The shape is that of JAdES: `{"sigTst": {"tstTokens": [{"val": …}]}}` and `{"cSig": …}`. Both are over the signature as it is written, its
base64url; a counter-signature is a detached JWS of its own type, so it can be taken for nothing else (itk3-messaging 3.3, 6).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from wardgate.jose import jws_octets
from wardgate.jose.jws_octets import UnverifiedJWS
from wardgate.sealing.context import check_not_ahead
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import KeyDirectory, SigningKey, TimeStamper
from wardgate.sealing.model import Limits, Signed, Statement
from wardgate.sealing.signature import read_header, verify, written_header
from wardgate.sealing.time_stamp import check_time_stamp
from wardgate.sealing.translation import jose_refusals

MEMBER: Final = "etsiU"
COUNTER_TYPE: Final = "itk3-seal-counter+jws"
MAX_TOKEN_CHARS: Final = 65_536
MAX_COUNTER_SIGNATURES: Final = 8
MAX_COUNTER_BYTES: Final = 40_000

CounterSigner = tuple[SigningKey, Statement]


def put_beside(signed: bytes, signature: bytes, stamper: TimeStamper | None, counter_signers: Sequence[CounterSigner]) -> tuple[bytes, ...]:
    """Return the JWS, in parts that follow each other, with what is asked for beside its signature; compact when nothing is.

    Raises `SealRefused` with `time-stamp-missing` when the authority cannot be asked.
    """
    beside: list[dict[str, Any]] = [{"cSig": counter_sign(signature, *who).decode("ascii")} for who in counter_signers]
    if stamper is not None:
        try:
            token = stamper.stamp(sha256(signature).digest())
        except OSError as fault:
            raise SealRefused("time-stamp-missing", "an answer of the time-stamping authority", type(fault).__name__) from fault
        beside.append({"sigTst": {"tstTokens": [{"val": b64encode(token).decode("ascii")}]}})
    return (jws_octets.flatten(b".".join((signed, signature)), {MEMBER: beside}),) if beside else (signed, b".", signature)


def counter_sign(encoded_signature: bytes, signer: SigningKey, statement: Statement) -> bytes:
    """Return a counter-signature over a JWS signature, given as it is written: a detached compact JWS."""
    return jws_octets.sign_detached(written_header(signer, statement, COUNTER_TYPE, {}), encoded_signature, signer.sign)


def check_counter_signature(counter: bytes, encoded_signature: bytes, directory: KeyDirectory, now: datetime, limits: Limits) -> Signed:
    """Return who counter-signed. Raises `SealRefused`; it may be older than a seal, but not from the future."""
    with jose_refusals():
        jws = jws_octets.parse(counter, MAX_COUNTER_BYTES)
    header = read_header(jws.header, COUNTER_TYPE)
    if jws.unprotected or header.media_type is not None:
        raise SealRefused("seal-malformed", "a plain counter-signature", "one with more beside it")
    signed = verify(
        jws, header, encoded_signature, "the signature, which covers what it covers", directory=directory, organisation=None, now=now,
        detached=encoded_signature,
    )
    check_not_ahead(header.statement.signed_at, now, limits)
    return signed


def stamped_at(jws: UnverifiedJWS, directory: KeyDirectory, now: datetime) -> datetime | None:
    """Return when a trusted authority saw the signature; None: it has no time-stamp. Raises `SealRefused`."""
    tokens = [one["sigTst"] for one in _elements(jws) if "sigTst" in one]
    if not tokens:
        return None
    match tokens:
        case [{"tstTokens": [{"val": str(text), **rest}], **others}] if not rest and not others and len(text) <= MAX_TOKEN_CHARS:
            try:
                token = b64decode(text, validate=True)
            except ValueError:
                raise SealRefused("time-stamp-invalid", "a token in base64", "other characters") from None
        case _:
            raise SealRefused("time-stamp-invalid", "one time-stamp of one token", "another shape")
    return check_time_stamp(token, sha256(jws.encoded_signature).digest(), directory, now)


def counter_signatures(jws: UnverifiedJWS, directory: KeyDirectory, now: datetime, limits: Limits) -> tuple[Signed, ...]:
    """Return who counter-signed, each of them believed. Raises `SealRefused` for one that is not."""
    texts = [one["cSig"] for one in _elements(jws) if "cSig" in one]
    if len(texts) > MAX_COUNTER_SIGNATURES or not all(type(text) is str for text in texts):
        raise SealRefused("seal-malformed", f"at most {MAX_COUNTER_SIGNATURES} counter-signatures, detached and compact", "another value")
    return tuple(check_counter_signature(text.encode("utf-8"), jws.encoded_signature, directory, now, limits) for text in texts)


def _elements(jws: UnverifiedJWS) -> list[Mapping[str, Any]]:
    if not jws.unprotected.keys() <= {MEMBER}:
        raise SealRefused("seal-algorithm-refused", f"no unprotected member but {MEMBER}", "others")
    elements = jws.unprotected.get(MEMBER, [])
    if type(elements) is not list or not all(type(one) is dict and one.keys() in ({"sigTst"}, {"cSig"}) for one in elements):
        raise SealRefused("seal-malformed", f"{MEMBER} is a list of sigTst and cSig", "another value")
    return list(elements)
