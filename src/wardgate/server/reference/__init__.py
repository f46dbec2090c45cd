"""The pages of `docs/reference` that follow from the code: `python -m wardgate.server.reference docs/reference`.

Owns: the text of refusals.md, events.md, settings.md, endpoints.md, spine.md and itk3.md; a test compares the files with it.
Leaves: manifest.md (`manifest.reference`), cli.md (`cli.reference`), demo.md, which have words of their own.
Read: refusals, events, settings, endpoints, spine, itk3.
"""

from collections.abc import Callable, Mapping
from typing import Final

from wardgate.server.reference.endpoints import page as endpoints
from wardgate.server.reference.events import page as events
from wardgate.server.reference.itk3 import page as itk3
from wardgate.server.reference.refusals import page as refusals
from wardgate.server.reference.settings import page as settings
from wardgate.server.reference.spine import page as spine

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "refusals.md": refusals,
    "events.md": events,
    "settings.md": settings,
    "endpoints.md": endpoints,
    "spine.md": spine,
    "itk3.md": itk3,
}
"""File name to the function that returns its text."""

__all__ = ["PAGES"]
