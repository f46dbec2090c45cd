"""How many examples tests make up: enough for every run, and as many times more as WARDGATE_TEST_DEPTH says for a long night."""

import os
from typing import Final

DEPTH: Final = int(os.environ.get("WARDGATE_TEST_DEPTH", "1"))


def examples(usual: int) -> int:
    """Return how many to make where `usual` are enough."""
    return usual * DEPTH
