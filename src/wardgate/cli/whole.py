"""A change to one application, held against the whole manifest before it is stored."""

import json
from collections.abc import Collection, Iterable
from typing import Any, Final

from wardgate.applications import Application
from wardgate.audit import EventType
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.directory.model import Document
from wardgate.manifest import Manifest, ManifestInvalid, Source, check
from wardgate.manifest.documents import KINDS, document_of
from wardgate.server.whole_directory import asids_of
from wardgate.stores.ports import StoredDocument

PLACE: Final = "the manifest with this change"


def store_application(world: World, manifest: Manifest, application: Application, **details: str | bool | None) -> int:
    """Store an application, new or changed, and return the generation. Raises `Failed` with every rule it breaks."""
    others = tuple(entry for entry in manifest.applications if entry.name != application.name)
    check_whole(manifest.model_copy(update={"applications": (*others, application)}), asids_of(world.stores))
    document = document_of("applications", application)
    event = world.event(EventType.APPLICATION_CHANGED, application.name, **details)
    return world.stores.documents.write([StoredDocument(document.kind, document.name, document.body)], [], event)


def check_whole(manifest: Manifest, registered: Collection[str]) -> None:
    """Run every rule of `manifest check`. Systems that no application and no API names cannot clash with one, and are left out, as are data-sharing rules."""
    named = {application.asid for application in manifest.applications} | {api.spine.asid for api in manifest.apis if api.spine is not None}
    sections: dict[str, Any] = {"environment": _body("environment", manifest.environment)}
    for kind in KINDS:
        if kind not in {"environment", "sharing_rules"}:
            entries: Iterable[Document] = getattr(manifest, kind)
            if kind == "systems":
                entries = [system for system in manifest.systems if system.asid in named]
            sections[kind] = [_body(kind, entry) for entry in entries]
    try:
        check([Source(PLACE, json.dumps(sections).encode())], registered)
    except ManifestInvalid as invalid:
        raise Failed("\n".join(_said(problem.key, problem.message, problem.suggestion) for problem in invalid.problems)) from None


def _body(kind: str, model: Document) -> dict[str, Any]:
    return dict(document_of(kind, model).body)


def _said(key: str, message: str, suggestion: str | None) -> str:
    text = f"{key}: {message}" if key else message
    return f"{text} ({suggestion})" if suggestion else text
