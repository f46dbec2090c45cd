"""Every check that opening a seal makes, in the order in which they are made, and how far one came: what a doctor tells.

The suites stop at the first fault and say no more. How far they came is seen from what they asked of keys and directory: a key of ours is
asked for when structure and algorithms are good, the signer's when all is decrypted, and who is believed when the signer's certificate is. Only
what is shown to have held is told as held.
"""

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Final

from wardgate.client.key_ring import SealKeys
from wardgate.client.message import read_opened
from wardgate.fhir import Version
from wardgate.itk3 import NATIONAL, DocumentFacts, ITK3Error, Message, Rules, document_facts, read
from wardgate.itk3.glimpse import form_of, header_of, version_of
from wardgate.refusals import reason
from wardgate.sealing.any_suite import MADE, Kind, kind_of, open_any
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.header_readable import ReadableOpened
from wardgate.sealing.keys import DecryptionKey, MessageKey, SigningKey, Trust
from wardgate.sealing.model import Limits, Opened, Suite, Transport


class Reached(IntEnum):
    """How far opening came."""

    FORM = 0
    """Nothing was asked for yet: size, structure, algorithms."""
    OUR_KEY = 1
    """A key of ours was asked for."""
    DECRYPTED = 2
    """The signer's key was asked for: all is decrypted, and its signature in form."""
    SIGNER = 3
    """It was asked who is believed for the signer: the key is known, in date, for signing, and the organisation's."""
    OPENED = 4
    """The seal is open: signer and signature are good, and it is of this context and time."""


CHECKS: Final[dict[Reached, tuple[str, ...]]] = {
    Reached.FORM: ("seal-suite-refused", "seal-too-large", "seal-malformed", "seal-encryption-missing", "seal-algorithm-refused"),
    Reached.OUR_KEY: ("seal-not-for-us", "seal-undecryptable"),
    Reached.DECRYPTED: ("seal-signature-missing", "time-stamp-invalid", "signer-unknown", "signer-organisation", "signer-key-usage", "signer-expired"),
    Reached.SIGNER: ("signer-untrusted", "signer-revoked", "signer-revocation-unknown", "signature-invalid", "signature-wrapped", "seal-context", "seal-stale"),
}
"""The checks between one point and the next, in the order in which the suites make them."""
WRAPPING: Final = frozenset({"signature-wrapped"})
"""Of seals with a structure that something could be moved in."""
ONLY_ENCRYPTED: Final = frozenset({"seal-encryption-missing", *CHECKS[Reached.OUR_KEY]})
DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class SealCheck:
    """One check: it held, it failed, or it was not reached."""

    code: str
    outcome: str
    """passed, failed or not-reached."""
    expected: str | None = None
    received: str | None = None

    @property
    def states(self) -> str:
        """What holds when it does."""
        return reason(self.code).check


@dataclass(slots=True)
class SealReport:
    """What opening a message showed."""

    kind: Kind
    checks: list[SealCheck]
    opened: Opened | None = None
    message: Message | None = None
    """Valid, and what its seal says."""
    facts: DocumentFacts | None = None
    invalid: ITK3Error | None = None
    """Of what was opened, or came in clear: it is no valid message."""

    @property
    def passed(self) -> bool:
        """Whether everything held."""
        return self.invalid is None and all(check.outcome != "failed" for check in self.checks)


@dataclass(slots=True)
class _Watched:
    """Keys that remember what was asked of them."""

    keys: SealKeys = field(repr=False)
    reached: Reached = Reached.FORM
    asked_ours: bool = False

    def _at(self, point: Reached) -> None:
        self.reached = max(self.reached, point)
        self.asked_ours |= point is Reached.OUR_KEY

    def signing_key(self, organisation: str) -> SigningKey | None:
        return self.keys.signing_key(organisation)

    def decryption_key(self, kid: str) -> DecryptionKey | None:
        self._at(Reached.OUR_KEY)
        return self.keys.decryption_key(kid)

    def decryption_key_of(self, sha256: bytes) -> DecryptionKey | None:
        self._at(Reached.OUR_KEY)
        return self.keys.decryption_key_of(sha256)

    def decryption_keys(self) -> Sequence[DecryptionKey]:
        self._at(Reached.OUR_KEY)
        return self.keys.decryption_keys()

    def key(self, kid: str) -> MessageKey | None:
        self._at(Reached.DECRYPTED)
        return self.keys.key(kid)

    def by_certificate(self, sha256: bytes) -> MessageKey | None:
        self._at(Reached.DECRYPTED)
        return self.keys.by_certificate(sha256)

    def encryption_keys(self, organisation: str) -> Sequence[MessageKey]:
        return self.keys.encryption_keys(organisation)

    def trust(self, organisation: str) -> Trust:
        self._at(Reached.SIGNER)
        return self.keys.trust(organisation)

    def time_authorities(self) -> Trust:
        self._at(Reached.DECRYPTED)
        return self.keys.time_authorities()


def check_seal(
    body: bytes, *, keys: SealKeys, signature: bytes | None = None, transport: Transport | None = None, suites: Collection[Suite] = MADE,
    rules: Rules = NATIONAL, limits: Limits = DEFAULT_LIMITS, now: datetime, random: Callable[[int], bytes] = os.urandom,
) -> SealReport:
    """Return every check of a seal and of the message inside, up to the first that fails. Raises nothing of either."""
    kind = kind_of(body, signature)
    if kind is Kind.CLEAR:
        return _clear(body, rules)
    watched = _Watched(keys)
    version = version_of(body, header_of(body, form_of(body))) if kind is Kind.HEADER_READABLE else Version.STU3
    try:
        found = open_any(
            body, signature=signature, transport=transport, held=watched, directory=watched, now=now, random=random, suites=suites,
            require_encryption=False, version=version, limits=limits,
        )
    except SealRefused as refused:
        encrypted = watched.asked_ours or (kind is not Kind.DETACHED and watched.reached is Reached.FORM)
        return SealReport(kind, _up_to(_cause(refused), watched.reached, kind, encrypted=encrypted))
    return _with_message(kind, found, rules)


def _clear(body: bytes, rules: Rules) -> SealReport:
    """A message that nobody sealed: there is only what it says itself."""
    try:
        message = read(body, rules)
    except ITK3Error as invalid:
        return SealReport(Kind.CLEAR, [], invalid=invalid)
    return SealReport(Kind.CLEAR, [], message=message, facts=document_facts(message.payload, message.version))


def _with_message(kind: Kind, found: Opened | ReadableOpened, rules: Rules) -> SealReport:
    opened = found if isinstance(found, Opened) else found.opened
    checks = [SealCheck(code, "passed") for code in _codes(kind, encrypted=opened.encrypted)]
    try:
        read_message = read_opened(found, rules)
        return SealReport(kind, checks, opened, read_message.message, read_message.facts)
    except ITK3Error as invalid:
        return SealReport(kind, checks, opened, invalid=invalid)
    except SealRefused as refused:
        others = [check for check in checks if check.code != refused.code]
        return SealReport(kind, [*others, _failed(refused)], opened)


def _cause(refused: SealRefused) -> SealRefused:
    """Return what it was in truth: towards a sender every fault of what was encrypted is one, but not towards the keys' own owner."""
    inner: Any = refused.__context__
    return inner if refused.code == "seal-undecryptable" and isinstance(inner, SealRefused) else refused


def _codes(kind: Kind, *, encrypted: bool) -> list[str]:
    left_out = (frozenset() if encrypted else ONLY_ENCRYPTED) | (frozenset() if kind in {Kind.XML, Kind.HEADER_READABLE} else WRAPPING)
    return [code for codes in CHECKS.values() for code in codes if code not in left_out]


def _up_to(refused: SealRefused, reached: Reached, kind: Kind, *, encrypted: bool) -> list[SealCheck]:
    """Return the checks that are shown to have held, the one that failed, and those that nobody came to."""
    codes = [code for code in _codes(kind, encrypted=encrypted) if code != refused.code]
    listed = CHECKS.get(reached, ())
    before = listed[: listed.index(refused.code)] if refused.code in listed else ()
    shown = {code for point, some in CHECKS.items() if point < reached for code in some} | set(before)
    held = [SealCheck(code, "passed") for code in codes if code in shown]
    return [*held, _failed(refused), *(SealCheck(code, "not-reached") for code in codes if code not in shown)]


def _failed(refused: SealRefused) -> SealCheck:
    return SealCheck(refused.code, "failed", refused.refusal.expected, refused.refusal.received)
