"""What someone probably meant: the known word that is closest to an unknown one."""

import difflib
from collections.abc import Collection
from typing import Final

MAX_COMPARISONS: Final = 400_000
"""In one check. Suggestions are a courtesy: a manifest with thousands of mistakes gets them for the first ones."""
CUTOFF: Final = 0.6


class NearMisses:
    """Suggests words, and stops when comparing has taken long enough."""

    def __init__(self, max_comparisons: int = MAX_COMPARISONS) -> None:
        self._left = max_comparisons

    def suggest(self, word: str, known: Collection[str]) -> str | None:
        """Return `did you mean ...?`, or None when nothing is close."""
        if self._left < len(known) or len(word) > 300:
            return None
        self._left -= len(known)
        folded = {entry.casefold(): entry for entry in sorted(known)}
        found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=CUTOFF)
        return f"did you mean `{folded[found[0]]}`?" if found else None
