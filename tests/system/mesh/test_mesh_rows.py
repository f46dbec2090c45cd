"""The error tables of the mailbox server through a whole Wardgate and its Envoy, and the published client over TLS-MA.

The rows are in `tests/mesh_rows`; what their place has to hold is put there by calls of the API alone.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from mesh_client import MeshClient, MeshError

from mesh_rows.row import VERSIONS, Call, filled
from mesh_rows.tables import BOMB, CASES, ROWS, WORLDS
from mesh_rows.tokens import SPOILT
from system.mesh_post import MeshPost

NOT_SENT = {"send: to a space": "clients do not send a header that is a space"}
HERE = {name: case for name, case in CASES.items() if case[0].world not in WORLDS and case[0].name not in NOT_SENT}
"""The other worlds have limits, neighbours and faults that no setting makes: `tests/wire/test_mesh_rows.py`."""


@pytest.fixture(scope="module")
def prepared(mesh_post: MeshPost) -> MeshPost:
    """What rows ask for is there."""
    kept = {"waiting": mesh_post.sent(), "acknowledged": mesh_post.sent(), "begun": mesh_post.sent(b"one", Mex_Chunk_Range="1:3")}
    assert mesh_post.acknowledge(kept["acknowledged"]).status_code == 200
    for _ in range(2):
        mesh_post.sent(Mex_LocalID="twice")
    mesh_post.kept = kept | {"bomb": mesh_post.sent(BOMB, Content_Encoding="gzip")}
    return mesh_post


def send(post: MeshPost, call: Call, version: int) -> Any:
    """Send a row's call."""
    given: dict[str, str | None] = {"Accept": VERSIONS[version]} | {name: filled(value, post.kept) for name, value in call.headers.items()}
    if call.token in SPOILT:
        given["Authorization"] = SPOILT[call.token](post.token, call.who, datetime.now(UTC))
    if call.token == "used":
        given["Authorization"] = post.token(call.who)
        assert post.call(call.who, "GET", f"{call.who}/inbox", Authorization=given["Authorization"]).status_code == 200
    shown = "BOB" if call.token == "another certificate" else None
    return post.call(call.who, call.method, filled(call.path, post.kept), call.body, shown=shown, **{name.replace("-", "_"): value for name, value in given.items()})


@pytest.mark.parametrize("name", HERE)
def test_each_row(prepared: MeshPost, name: str) -> None:
    """Envoy passes on what was asked, and the whole answer."""
    row, version = HERE[name]
    row.check(send(prepared, row.call, version), version, prepared.kept)


def test_nearly_all_rows_are_here() -> None:
    """The others are few, and of kinds that are known."""
    assert len({row.name for row, _ in HERE.values()}) > 0.9 * len(ROWS)


@pytest.mark.parametrize("compress", [False, True])
def test_the_published_client(mesh_post: MeshPost, compress: bool) -> None:
    """Send whole and in chunks; receive by read, by lines and by pieces; acknowledge, track and look up."""
    body = b"".join(hashlib.sha256(b"%d" % number).digest() + b"\n" for number in range(5_000))
    with mesh_post.mesh_client("ALICE", max_chunk_size=60_000) as alice, mesh_post.mesh_client("BOB") as bob:
        assert (alice.ping()["outcome"], alice.handshake()) == ("Yes", b"hello")
        assert [found["mailbox_id"] for found in alice.lookup_endpoint("Z9X02", "LETTERS")["results"]] == ["BOB"]
        ids = [alice.send_message("BOB", content, workflow_id="LETTERS", subject=f"S{number}", compress=compress) for number, content in enumerate((body[:100], body, body, body))]
        assert set(ids) <= set(bob.list_messages())
        assert alice.track_message(ids[1])["status"] == "accepted"
        _read(bob, ids, body)
        assert alice.track_message(ids[1])["status"] == "acknowledged"
        assert not set(ids) & set(bob.list_messages())
        with pytest.raises(MeshError, match="Unregistered to address"):
            alice.send_message("NOBODY", b"x", workflow_id="LETTERS")


def _read(bob: MeshClient, ids: list[str], body: bytes) -> None:
    """Read each in another way, and acknowledge it."""
    first, whole, by_lines, by_pieces = (bob.retrieve_message(message_id) for message_id in ids)
    assert (first.read(), first.mex_header("chunk-range"), first.subject) == (body[:100], "1:1", "S0")
    assert (whole.read(), whole.mex_header("chunk-range")) == (body, "1:3")
    lines = list(iter(by_lines.readline, b""))
    assert (b"".join(lines), lines[0].endswith(b"\n")) == (body, True)
    assert b"".join(by_pieces) == body
    for message in (first, whole, by_lines, by_pieces):
        message.acknowledge()
