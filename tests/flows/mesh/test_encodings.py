"""Bodies as each caller can take them, small and large, and gzip that unfolds too far (itk3-messaging 5.2)."""

import gzip
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from mesh_rows.place import V1, V2, Place
from wardgate.messaging import MeshSettings

pytestmark = pytest.mark.anyio
LARGE = secrets.token_bytes(3_000_000)


@pytest.mark.parametrize("accept", [V1, V2])
@pytest.mark.parametrize("body", [b"hello", b"a" * 70_000, LARGE], ids=["small", "beyond the row", "large"])
@pytest.mark.parametrize("sent_as", ["plain", "gzip"])
@pytest.mark.parametrize("taken", ["identity", "gzip", "gzip;q=0, *", "*"])
async def test_what_was_sent_is_what_is_read(place: Place, accept: str, body: bytes, sent_as: str, taken: str) -> None:
    """The content is the same however it travels; plain content is packed in version 2, up to a size."""
    packed = sent_as == "gzip"
    message_id = await place.sent(gzip.compress(body) if packed else body, **{"Content_Encoding": "gzip"} if packed else {})
    answer = await place.call("BOB", "GET", f"BOB/inbox/{message_id}", accept=accept, Accept_Encoding=taken)
    takes = taken in {"gzip", "*"}
    leaves_packed = takes and (packed or (accept == V2 and len(body) <= 1_048_576))
    assert (answer.status_code, answer.content) == (200, body)
    assert answer.headers.get("content-encoding") == ("gzip" if leaves_packed else None)
    assert answer.headers.get("mex-content-compressed") == ("Y" if leaves_packed else None)


@pytest.mark.parametrize("size", [5_000_000, 30_000_000], ids=["small", "large"])
async def test_a_bomb_is_not_unfolded(new_place: Callable[..., Any], size: int) -> None:
    """Who accepts gzip has it as it is; who does not is told, or cut off, and nobody's memory is used for it."""
    body = gzip.compress(b"\0" * size, mtime=0)
    async with new_place(MeshSettings(max_inflate_ratio=50)) as place:
        message_id = await place.sent(body, Content_Encoding="gzip")
        refused = await place.call("BOB", "GET", f"BOB/inbox/{message_id}")
        assert (refused.status_code, refused.headers["x-wardgate-reason"]) == (406, "mesh-inflation")
        assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}", Accept_Encoding="gzip")).status_code == 200


@pytest.mark.parametrize("body", [b"\x1f\x8bno gzip", gzip.compress(b"hello")[:-4]], ids=["not gzip", "cut short"])
async def test_what_only_begins_like_gzip(place: Place, body: bytes) -> None:
    """It is kept as it was sent, and cannot be inflated for anybody."""
    message_id = await place.sent(body, Content_Encoding="gzip")
    assert (await place.call("BOB", "GET", f"BOB/inbox/{message_id}")).status_code == 406
