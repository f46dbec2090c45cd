"""Check a manifest: all that is wrong with it at once, or the manifest."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from wardgate.manifest.documents import ENVIRONMENT, KINDS
from wardgate.manifest.draft import Draft, File, draft
from wardgate.manifest.errors import ManifestInvalid, Problem
from wardgate.manifest.identities import check_identities
from wardgate.manifest.keys import check_keys
from wardgate.manifest.live import check_live
from wardgate.manifest.messages import check_messages
from wardgate.manifest.model import Manifest
from wardgate.manifest.names import check_names
from wardgate.manifest.read import Source, Unreadable, read
from wardgate.manifest.references import check_references
from wardgate.manifest.routing import check_routing
from wardgate.manifest.systems import check_systems

MAX_FILES: Final = 1000

RULES: Final[tuple[Callable[[Draft], Iterator[Problem]], ...]] = (
    check_names,
    check_references,
    check_routing,
    check_systems,
    check_keys,
    check_identities,
    check_messages,
    check_live,
)
"""What must hold between entries; each is asked about those entries that are valid by themselves."""


def check_files(paths: Iterable[Path], registered: Collection[str] = ()) -> Manifest:
    """Return the manifest that the files together state; they may name the ASIDs of `registered` too. Raises `ManifestInvalid`."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            sources.append(Source.of(path))
        except OSError as error:
            problems.append(Problem(str(path), 0, "", f"the file cannot be read: {error.strerror or type(error).__name__}"))
    if problems:
        raise ManifestInvalid(problems)
    return check(sources, registered)


def check(sources: Sequence[Source], registered: Collection[str] = ()) -> Manifest:
    """Return the manifest that the sources together state. Raises `ManifestInvalid` with every problem there is.

    `registered` are ASIDs that the store has beside the manifest's: applications, APIs and rules may name them.
    """
    if not 1 <= len(sources) <= MAX_FILES:
        raise ManifestInvalid([Problem("manifest", 0, "", f"a manifest has 1 to {MAX_FILES} files, not {len(sources)}")])
    files, problems = _read_all(sources)  # (1) text to data with lines
    if problems:  # an unread file's entries would be missed everywhere else
        raise ManifestInvalid(problems)
    made = draft(files)  # (2) data to entries with models
    made.registered = frozenset(registered)
    problems = [*made.problems, *(problem for rule in RULES for problem in rule(made))]  # (3) entries with each other
    if problems:
        order = {source.name: position for position, source in enumerate(sources)}
        raise ManifestInvalid(sorted(problems, key=lambda problem: (order.get(problem.file, 0), problem.line)))
    return _manifest(made)  # (4)


def _read_all(sources: Sequence[Source]) -> tuple[list[File], list[Problem]]:
    files: list[File] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            files.append(File(source.name, read(source)))
        except Unreadable as unreadable:
            problems.extend(unreadable.problems)
    return files, problems


def _manifest(made: Draft) -> Manifest:
    content: dict[str, Any] = {ENVIRONMENT: made.environment}
    for kind in KINDS:
        if kind != ENVIRONMENT:
            content[kind] = tuple(entry.model for entry in made.sections[kind])
    return Manifest.model_validate(content)
