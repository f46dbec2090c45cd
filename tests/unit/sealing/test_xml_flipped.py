"""Whatever octets are changed: an XML seal opens to what was signed, or is refused with a reason. Nothing else happens."""

from copy import deepcopy
from os import urandom
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from message_world import NOW, World
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Use
from wardgate.sealing.model import Context, Statement
from wardgate.sealing.xml import open_seal, seal

CONTEXT: Final = Context("X26OT001", "X26", ("RY6OT002",), "TOC_FHIR_IP_DISCH", "id-1", "ITK003D")
CONTENT: Final = b'{"resourceType":"Bundle"}'
WORLD: Final = World()
SIGNER: Final = WORLD.add("X26", Use.SIGNING)
READER: Final = WORLD.add("RY6", Use.ENCRYPTION)
SIGNED, ENCRYPTED = (
    seal(CONTENT, "application/fhir+json", CONTEXT, Statement(NOW), SIGNER, recipients, directory=WORLD, now=NOW, random=urandom).body
    for recipients in ([], WORLD.encryption_keys("RY6"))
)


def check(body: bytes) -> None:
    """Open it, or be refused."""
    try:
        found = open_seal(body, transport=None, held=WORLD, directory=WORLD, now=NOW, random=urandom, require_encryption=False)
    except SealRefused:
        return
    assert (found.content, found.context, found.signatures[0].statement) == (CONTENT, CONTEXT, Statement(NOW))


@given(st.sampled_from([SIGNED, ENCRYPTED]), st.floats(0, 1, exclude_max=True), st.binary(max_size=3), st.integers(0, 3))
def test_changed_octets_change_nothing(body: bytes, where: float, new: bytes, gone: int) -> None:
    """Some taken out, some put in, anywhere."""
    at = int(where * len(body))
    check(body[:at] + new + body[at + gone :])


@given(st.sampled_from([SIGNED, ENCRYPTED]), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_parts_moved_about_change_nothing(body: bytes, start: float, end: float, to: float) -> None:
    """A part taken from its place and put into another."""
    first, last = sorted((int(start * len(body)), int(end * len(body))))
    part, rest = body[first:last], body[:first] + body[last:]
    at = int(to * len(rest))
    check(rest[:at] + part + rest[at:])


@given(st.data())
def test_elements_moved_about_change_nothing(data: st.DataObject) -> None:
    """Any element copied or moved to any other."""
    root = etree.fromstring(data.draw(st.sampled_from([SIGNED, ENCRYPTED])))
    nodes = list(root.iter())
    moved = nodes[data.draw(st.integers(1, len(nodes) - 1))]
    holders = [node for node in nodes if moved not in (node, *node.iterancestors())]
    holder = holders[data.draw(st.integers(0, len(holders) - 1))]
    one = deepcopy(moved) if data.draw(st.booleans()) else moved
    holder.insert(data.draw(st.integers(0, len(holder))), one)
    check(etree.tostring(root))
