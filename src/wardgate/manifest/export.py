"""A manifest as YAML: always the same text for the same manifest, defaults left out, no secret."""

from typing import Any, Final

import yaml

from wardgate.directory.model import Document
from wardgate.manifest.documents import KINDS, as_stated, key_of, parts_of
from wardgate.manifest.model import Manifest

_WIDTH: Final = 120


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # the C dumper is optional
    """Writes text of several lines as a block, and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the dumper passes it
        return True


def _text(dumper: Any, text: str) -> Any:
    block = "\n" in text and text.isascii() and all(line == line.rstrip() for line in text.split("\n"))
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if block else None)


_Dumper.add_representer(str, _text)


def export(manifest: Manifest) -> str:
    """Return the manifest as one YAML file that `check` takes: sections in the manifest's order, entries by key."""
    parts = ({kind: bodies} for kind, bodies in stated(manifest).items())
    return "\n".join(
        yaml.dump(part, Dumper=_Dumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=_WIDTH)
        for part in parts
    )


def stated(manifest: Manifest) -> dict[str, Any]:
    """Return the same as plain data."""
    sections: dict[str, list[tuple[str, dict[str, Any]]]] = {kind: [] for kind in KINDS}
    for kind, model in parts_of(manifest):
        sections[kind].append((key_of(kind, model), _stated(kind, model)))
    parts: dict[str, Any] = {}
    for kind, entries in sections.items():
        bodies = [body for _, body in sorted(entries, key=lambda entry: entry[0])]
        if bodies:
            parts[kind] = bodies if KINDS[kind][1] else bodies[0]
    return parts


def _stated(kind: str, model: Document) -> dict[str, Any]:
    body = as_stated(kind, model)
    if kind == "applications" and "products" in body:
        body["products"] = [
            subscription["product"] if subscription.keys() == {"product"} else subscription for subscription in body["products"]
        ]
    return body
