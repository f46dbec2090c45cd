"""`Mex-Chunk-Range`: which chunk of how many (itk3-messaging 5.2 to 5.4)."""

import re
from dataclasses import dataclass
from typing import Final

from wardgate.mesh.errors import MeshRefused

_RANGE: Final = re.compile(r"\s*([0-9]{1,9})\s*:\s*([0-9]{1,9})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class ChunkRange:
    """Chunk `number`, counted from 1, of `total`."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}:{self.total}"


def read(header: str, number: int, message_id: str | None = None) -> ChunkRange:
    """Return the range of a request for chunk `number`. Raises `MeshRefused`.

    The first chunk may come without the header, and is then the only one.
    """
    if not header.strip() and number == 1 and message_id is None:
        return ChunkRange(1, 1)
    match = _RANGE.fullmatch(header)
    found = ChunkRange(int(match[1]), int(match[2])) if match else None
    if found is None or found.number != number or not 1 <= found.number <= found.total:
        raise MeshRefused("mesh-chunk-range", f"{number}:n", "another range", message_id=message_id)
    return found
