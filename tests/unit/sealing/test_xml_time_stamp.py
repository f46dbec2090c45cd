"""Time-stamps over XML signatures: they outlive the signer's certificate, and are believed only over this signature and by whom is trusted."""

import re
from dataclasses import replace
from datetime import timedelta
from os import urandom
from typing import Any

import pytest

from message_world import DAY, NOW, World
from time_stamping import Authority
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import State, Use
from wardgate.sealing.model import Context, Opened, Statement
from wardgate.sealing.xml import open_seal, seal

CONTEXT = Context("X26OT001", "X26", ("RY6OT002",), "TOC_FHIR_IP_DISCH", "id-1", "ITK003D")


@pytest.fixture
def world() -> World:
    """X26 signs with a certificate that is over tomorrow."""
    world = World()
    world.add("X26", Use.SIGNING, end=NOW + DAY)
    return world


def stamped(world: World, stamper: Any) -> bytes:
    """A document that X26 signed and an authority stamped."""
    signer = world.signing_key("X26")
    assert signer is not None
    return seal(b"{}", "application/fhir+json", CONTEXT, Statement(NOW), signer, [], directory=world, now=NOW, random=urandom, stamper=stamper).body


def opened(world: World, body: bytes, **changes: Any) -> Opened:
    """What is read of it."""
    options = {"transport": None, "held": world, "directory": world, "now": NOW, "random": urandom, "require_encryption": False}
    return open_seal(body, **(options | changes))


def code_of(world: World, body: bytes, **changes: Any) -> str:
    """What it is refused for."""
    with pytest.raises(SealRefused) as caught:
        opened(world, body, **changes)
    return caught.value.code


def later(world: World) -> World:
    """The same, with lists that are in date in two days."""
    lists = [authority.revocations(at=NOW + DAY, end=NOW + 9 * DAY) for authority in (world.root, world.issuing)]
    world.trusts["X26"] = world.time = world.believed(*lists)
    return world


def test_a_stamped_signature_outlives_its_certificate(world: World) -> None:
    """In date when it was stamped; without a time-stamp it is over."""
    body, bare = stamped(world, Authority(world).trusted()), stamped(world, None)
    assert opened(world, body).signatures[0].time_stamped_at == NOW
    later(world)
    assert opened(world, body, now=NOW + 2 * DAY).signatures[0].time_stamped_at == NOW
    assert code_of(world, bare, now=NOW + 2 * DAY) == "signer-expired"


def test_a_key_that_was_revoked_after_the_stamp_signed_well(world: World) -> None:
    """And one revoked before it did not."""
    body = stamped(world, Authority(world).trusted())
    (kid,) = [key.kid for key in world.keys.values() if key.use is Use.SIGNING]
    for since, good in ((NOW + timedelta(hours=1), True), (NOW - timedelta(hours=1), False)):
        world.keys[kid] = replace(world.keys[kid], state=State.REVOKED, revoked_at=since)
        if good:
            assert opened(world, body).signatures[0].kid == kid
        else:
            assert code_of(world, body) == "signer-revoked"


def test_a_stamp_by_somebody_else_or_over_something_else_is_refused(world: World) -> None:
    """The authority is nobody's; the token is another signature's; the token is none."""
    authority = Authority(world)
    assert code_of(world, stamped(world, authority)) == "time-stamp-invalid"
    authority.trusted()
    first, second = stamped(world, authority), stamped(world, authority)
    token = re.compile(rb"(?<=<xades:EncapsulatedTimeStamp>)[^<]+")
    (other,) = token.findall(second)
    assert code_of(world, token.sub(other, first)) == "time-stamp-invalid"
    assert code_of(world, token.sub(b"AAAA", first)) == "time-stamp-invalid"
    assert code_of(world, token.sub(b"!", first)) == "seal-malformed"


def test_a_stamp_taken_away_leaves_a_signature_without(world: World) -> None:
    """It is beside the signature: whoever requires one asks for it."""
    body = stamped(world, Authority(world).trusted())
    less = re.sub(rb"<xades:UnsignedProperties>.*</xades:UnsignedProperties>", b"", body)
    assert opened(world, less).signatures[0].time_stamped_at is None


def test_an_authority_that_does_not_answer_is_said(world: World) -> None:
    """Nothing is sealed without the stamp that was asked for."""
    class Silent:
        """Cannot be asked."""

        def stamp(self, sha256: bytes) -> bytes:
            """As the port says."""
            raise TimeoutError

    with pytest.raises(SealRefused) as caught:
        stamped(world, Silent())
    assert caught.value.code == "time-stamp-missing"
