"""What changes between two manifests: documents, and who gains and who loses access."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from wardgate.catalogue import API
from wardgate.directory import AccreditedSystem
from wardgate.directory.model import Document
from wardgate.manifest.access import Gain, Loss, compare_access
from wardgate.manifest.documents import KINDS, SECRETS, as_stated, key_of, parts_of
from wardgate.manifest.model import Manifest

HIDDEN: Final = "(hidden)"
_MAX_SHOWN: Final = 100


class Action(StrEnum):
    """What happens to a document."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


_SIGNS: Final = {Action.ADDED: "+", Action.REMOVED: "-", Action.CHANGED: "~"}


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One key of a document: JSON before and after, None where it is not stated and the default holds."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """One document of a section; `fields` only when it is changed."""

    kind: str
    name: str
    action: Action
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs between two manifests."""

    documents: tuple[DocumentChange, ...]
    gains: tuple[Gain, ...]
    losses: tuple[Loss, ...]

    def __bool__(self) -> bool:
        return bool(self.documents)

    def as_text(self) -> str:
        """Return the difference for people: documents first, then losses and gains of access by name."""
        if not self:
            return "No difference.\n"
        lines = ["Documents:"]
        for change in self.documents:
            lines.append(f"  {_SIGNS[change.action]} {change.kind} {change.name}")
            lines += [f"      {one.key}: {_or_default(one.before)} -> {_or_default(one.after)}" for one in change.fields]
        lines.append("Access:" if self.gains or self.losses else "Access: nobody gains or loses a route.")
        for word, rights in (("loses", self.losses), ("gains", self.gains)):
            lines += [f"  {right.application} {word} {right.route} of {right.api} ({right.pattern})" for right in rights]
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Any]:
        """Return the form for `--output json`."""
        return {
            "documents": [asdict(change) for change in self.documents],
            "gains": [asdict(gain) for gain in self.gains],
            "losses": [asdict(loss) for loss in self.losses],
        }


def diff(
    before: Manifest | None, after: Manifest, *, compare_secrets: bool = False, registered: Collection[AccreditedSystem] = (),
) -> Difference:  # fmt: skip
    """Return what changes from `before` (None: nothing is there yet) to `after`.

    Fixed API keys and the monitoring key are left out unless `compare_secrets`, because a manifest made from the store
    has none; their values are never shown. `registered` are live systems that the store has beside the manifest's.
    """
    gains, losses = compare_access(before, after, registered)
    return Difference(tuple(_documents(before, after, compare_secrets)), gains, losses)


def _documents(before: Manifest | None, after: Manifest, compare_secrets: bool) -> Iterator[DocumentChange]:
    old, new = _by_name(before), _by_name(after)
    order = list(KINDS)
    for kind, name in sorted(old.keys() | new.keys(), key=lambda entry: (order.index(entry[0]), entry[1])):
        was, will_be = old.get((kind, name)), new.get((kind, name))
        if was is None or will_be is None:
            yield DocumentChange(kind, name, Action.ADDED if was is None else Action.REMOVED)
        elif was != will_be:
            fields = tuple(_fields(kind, was, will_be, compare_secrets))
            if fields:
                yield DocumentChange(kind, name, Action.CHANGED, fields)


def _by_name(manifest: Manifest | None) -> dict[tuple[str, str], Document]:
    return {(kind, key_of(kind, model)): model for kind, model in parts_of(manifest)} if manifest is not None else {}


def _fields(kind: str, was: Document, will_be: Document, compare_secrets: bool) -> Iterator[FieldChange]:
    secret = SECRETS.get(kind, frozenset())
    for key in sorted(secret) if compare_secrets else ():
        if getattr(was, key) != getattr(will_be, key):
            yield FieldChange(key, HIDDEN if getattr(was, key) else None, HIDDEN if getattr(will_be, key) else None)
    old, new = (dict(_flat(kind, model)) for model in (was, will_be))
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield FieldChange(key, old.get(key), new.get(key))


def _flat(kind: str, model: Document) -> Iterator[tuple[str, str]]:
    """Every stated key with its JSON; the routes of an API are named by their methods and path."""
    body = as_stated(kind, model)
    if isinstance(model, API):
        for route, stated in zip(model.routes, body.pop("routes"), strict=True):
            yield from _flatten(f"routes[{route.label}].", {"path": stated.pop("path")} | stated)
    yield from _flatten("", body)


def _flatten(prefix: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in body.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{key}.", value)
        else:
            yield prefix + key, json.dumps(value, ensure_ascii=False)


def _or_default(text: str | None) -> str:
    if text is None:
        return "(not stated)"
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
