"""A change to some documents of the manifest, held against all of it before it is stored."""

from collections.abc import Callable, Sequence
from typing import Final

from wardgate.audit import Event
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.whole import check_whole
from wardgate.directory.model import Document
from wardgate.manifest import Manifest
from wardgate.manifest.documents import document_of, key_of
from wardgate.server.former_keys import MESSAGE_KEYS, refused_keys, remember_keys
from wardgate.server.whole_directory import asids_of
from wardgate.stores import Superseded
from wardgate.stores.ports import StoredDocument

TRIES: Final = 5
"""How often a change is made again because another command changed the manifest in between."""

Stated = tuple[str, Document]
"""A section, and the entry that is to stand in it."""
Change = Callable[[Manifest], tuple[Sequence[Stated], Sequence[tuple[str, str]]]]
"""From the manifest as it is to entries that are new or another, and to the (section, key) of those that go."""


def store_change(world: World, change: Change, event: Event) -> int:
    """Store a change and return the generation. Raises `Failed` with every rule it breaks."""
    for _ in range(TRIES):
        seen, manifest = world.manifest()
        put, remove = change(manifest)
        after = _after(manifest, put, remove)
        broken = refused_keys(world.stores, manifest, after)
        if broken:
            raise Failed("\n".join(broken))
        check_whole(after, asids_of(world.stores))
        if any(kind == MESSAGE_KEYS for kind, _ in (*put, *remove)):
            remember_keys(world.stores, manifest, after)
        documents = [document_of(kind, model) for kind, model in put]
        try:
            return world.stores.documents.write([StoredDocument(one.kind, one.name, one.body) for one in documents], list(remove), event, seen)
        except Superseded:
            continue
    raise Failed("the manifest is being changed by others: run the command again")


def _after(manifest: Manifest, put: Sequence[Stated], remove: Sequence[tuple[str, str]]) -> Manifest:
    leaving = {(kind, key_of(kind, model)) for kind, model in put} | set(remove)
    sections = {}
    for section in {kind for kind, _ in leaving}:
        stay = [model for model in getattr(manifest, section) if (section, key_of(section, model)) not in leaving]
        sections[section] = (*stay, *(model for kind, model in put if kind == section))
    return manifest.model_copy(update=sections)
