"""Contents of messages in the body store: written whole before their row, read whole within a limit."""

from wardgate.exchange.errors import refused
from wardgate.exchange.parts import Parts
from wardgate.mesh.model import Chunk
from wardgate.stores.exchange import HandledMessage


def keep(parts: Parts, octets: bytes) -> Chunk:
    """Make octets durable, and return where they are. Raises `StoreUnavailable`."""
    writer = parts.bodies.create()
    try:
        writer.write(octets)
        return writer.finish().as_chunk(1)
    except BaseException:
        writer.abandon()
        raise


def whole(parts: Parts, chunk: Chunk | None, at_most: int) -> bytes:
    """Return all of a content. Raises `MessageRefused` for one beyond the limit, or none, and `StoreUnavailable`."""
    if chunk is None or chunk.size > at_most:
        raise refused("seal-too-large", f"1 to {at_most} bytes", "none" if chunk is None else f"{chunk.size} bytes")
    return b"".join(parts.bodies.read(chunk))


def let_go(parts: Parts, *chunks: Chunk | None) -> None:
    """Remove contents that no row names any more."""
    parts.bodies.remove([chunk.place for chunk in chunks if chunk is not None])


def places(message: HandledMessage) -> tuple[Chunk | None, ...]:
    """Return every content of a message."""
    return message.content, message.sealed
