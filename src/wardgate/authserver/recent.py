"""The early look for a used assertion (application-restricted 6.5 step 5).

A bounded memory of this process: the ids claimed most recently. It may only refuse, so what it forgot, or what another
process claimed, costs nothing but the place of row 17 in the order: the claim in the store decides.
"""

from collections import OrderedDict


class RecentlyClaimed:
    """The last `size` (namespace, id) pairs that were claimed here."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._claimed: OrderedDict[tuple[str, str], None] = OrderedDict()

    def add(self, namespace: str, use_id: str) -> None:
        """Remember a pair whose claim was decided, won or lost."""
        self._claimed[namespace, use_id] = None
        if len(self._claimed) > self._size:
            self._claimed.popitem(last=False)

    def seen(self, namespace: str, use_id: str) -> bool:
        """Whether the pair is known to be used."""
        return (namespace, use_id) in self._claimed
