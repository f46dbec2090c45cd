"""NHS login: vectors of trust (RFC 8485, user-restricted 12.3). Components of a vector are ANDed, vectors are ORed."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from json import loads
from typing import Final

LEVELS: Final = ("P0", "P5", "P9")
"""How well an identity is proved, weakest first."""
CREDENTIALS: Final = ("Cp", "Cp.Cd", "Cp.Ck", "Cm")
VECTORS: Final = tuple(f"{level}.{credential}" for level in LEVELS for credential in CREDENTIALS)
DEFAULT_VTR: Final = ("P9.Cp.Cd", "P9.Cp.Ck", "P9.Cm")
MAX_VTR_CHARS: Final = 1_000
MAX_VECTORS: Final = 20
_COMPONENT: Final = re.compile(r"P[059]|C[pdkm]")


class BadVTR(ValueError):
    """`vtr` is not a JSON array of vectors we know."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector asked for: a level, or None for any, and the credentials that must all be used."""

    text: str
    level: str | None
    credentials: frozenset[str]

    def met_by(self, level: str, credential: str) -> bool:
        """Whether a sign-in at this level with this credential is enough. A proved identity satisfies weaker demands."""
        used = frozenset(credential.split("."))
        return self.credentials <= used and (self.level is None or LEVELS.index(level) >= LEVELS.index(self.level))


def parse_vtr(text: str | None) -> tuple[Vector, ...]:
    """Return the vectors of a request, the default ones when it has none. Raises `BadVTR`."""
    if text is None:
        return tuple(_vector(one) for one in DEFAULT_VTR)
    if len(text) > MAX_VTR_CHARS:
        raise BadVTR(f"at most {MAX_VTR_CHARS} characters")
    try:
        found = loads(text)
    except (ValueError, RecursionError):
        raise BadVTR("not JSON") from None
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_VECTORS or not all(isinstance(one, str) for one in found):
        raise BadVTR("not an array of 1 to 20 texts")
    return tuple(_vector(one) for one in found)


def _vector(text: str) -> Vector:
    parts = text.split(".")
    levels = [part for part in parts if part.startswith("P")]
    if not all(_COMPONENT.fullmatch(part) for part in parts) or len(set(parts)) != len(parts) or len(levels) > 1:
        raise BadVTR("a vector has at most one P0, P5 or P9 and any of Cp, Cd, Ck, Cm, joined by dots")
    return Vector(text, levels[0] if levels else None, frozenset(parts) - frozenset(levels))


def sign_in_level(proved: str, vectors: Sequence[Vector]) -> str:
    """Return the level of this sign-in, the P-part of `vot`: what was asked for, never more than was proved.

    Of several demands that are met the strongest counts; a demand without a level takes the level that was proved.
    """
    met = [vector.level or proved for vector in vectors if LEVELS.index(vector.level or proved) <= LEVELS.index(proved)]
    return max(met, key=LEVELS.index, default=proved)


def level_needed(vectors: Iterable[Vector]) -> str:
    """Return the weakest level that satisfies one of the vectors: what an identity check has to reach."""
    return min((vector.level or LEVELS[0] for vector in vectors), key=LEVELS.index, default=LEVELS[0])
