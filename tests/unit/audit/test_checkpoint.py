"""Checkpoints: a signature over number, hash and time."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from wardgate.audit.checkpoint import CheckpointInvalid, check_checkpoint, sign_checkpoint
from wardgate.keystores import es256

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
KEY, OTHER = (es256.load(*es256.generate()) for _ in range(2))


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it is stored or exported."""

    seq: int
    at: datetime
    hash: str
    signature: str


GOOD = Signed(7, NOW, "ab" * 32, sign_checkpoint(7, "ab" * 32, NOW, KEY.kid, KEY.sign))


def known(kid: str, data: bytes, signature: bytes) -> bool:
    """The audit keys of the installation: one."""
    return kid == KEY.kid and es256.verify(KEY.public, data, signature)


def test_signature_holds_and_is_a_jws() -> None:
    """Our check takes it, and so does another library."""
    check_checkpoint(GOOD, known)
    found = jws.deserialize_compact(GOOD.signature, ECKey.import_key(KEY.public_jwk()), algorithms=["ES256"])
    assert found.payload == b'{"at":"2026-11-21T09:30:00.000000Z","hash":"' + b"ab" * 32 + b'","seq":7}'


@pytest.mark.parametrize("changed", [
    replace(GOOD, seq=8), replace(GOOD, hash="cd" * 32), replace(GOOD, at=NOW + timedelta(seconds=1)),
    replace(GOOD, signature=sign_checkpoint(7, "ab" * 32, NOW, OTHER.kid, OTHER.sign)),
    replace(GOOD, signature=sign_checkpoint(7, "ab" * 32, NOW, KEY.kid, OTHER.sign)),
    replace(GOOD, signature=GOOD.signature[:-4] + "AAAA"), replace(GOOD, signature=GOOD.signature.rpartition(".")[0] + "."),
    replace(GOOD, signature=""), replace(GOOD, signature="a.b"), replace(GOOD, signature="....."), replace(GOOD, signature="é.é.é"),
    replace(GOOD, signature="e30." + GOOD.signature.partition(".")[2]), replace(GOOD, signature="W10." + GOOD.signature.partition(".")[2]),
    replace(GOOD, signature=GOOD.signature + "A" * 3000),
], ids=["number", "hash", "time", "unknown key", "false kid", "changed signature", "no signature", "empty", "two parts", "five parts",
        "not ASCII", "empty header", "header is a list", "too long"])
def test_anything_else_is_refused(changed: Signed) -> None:
    """Each is named as invalid, none passes and none crashes."""
    with pytest.raises(CheckpointInvalid):
        check_checkpoint(changed, known)
