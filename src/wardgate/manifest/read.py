"""YAML files as plain data that remembers its lines.

Only what JSON can say is read: mappings with text keys, lists, text, numbers, true, false, null. A duplicate key, a tag,
a merge key, a second document and anything over a limit are refused. Unquoted text is a number only when it is spelled
like one in JSON (`012` and `1e5` are text), and dates, `yes` and `no` are text.

The parser's events are consumed one by one, without recursion, so that nesting cannot exhaust a stack; an alias counts
as much as what it stands for, so that a few bytes cannot become many values.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from wardgate.manifest.errors import Problem

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
MAX_DEPTH: Final = 32
MAX_VALUES: Final = 3_000_000
"""Values in one file, aliases counted in full."""
MAX_KEY_LENGTH: Final = 1024

_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_FRACTION: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,18})\.[0-9]{1,18}")
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_MAYBE_NUMBER: Final = frozenset("-0123456789")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Source:
    """The text of one manifest file and the name it is spoken of by."""

    name: str
    content: bytes

    @classmethod
    def of(cls, path: Path) -> "Source":
        """Read a file, at most one byte over the limit. Raises `OSError`."""
        with path.open("rb") as stream:
            return cls(str(path), stream.read(MAX_FILE_BYTES + 1))


class MappingNode(dict[str, Any]):
    """A mapping with the line of each key; lines count from 1."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}


class SequenceNode(list[Any]):
    """A list with the line of each item."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


class Unreadable(Exception):
    """The file is not one manifest document; the problems say why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


def read(source: Source) -> MappingNode:
    """Return the file's mapping; an empty file is an empty one. Raises `Unreadable`."""
    text = _text(source)
    builder = _Builder(source.name)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
            if builder.stopped:
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        builder.refuse(mark.line + 1 if mark else 0, f"not valid YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 0
        builder.refuse(line, f"not valid YAML: {error.reason}")
    if builder.problems:
        raise Unreadable(builder.problems)
    return builder.result()


def _text(source: Source) -> str:
    if len(source.content) > MAX_FILE_BYTES:
        message = f"the file is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB; a manifest may have many files"
        raise Unreadable([Problem(source.name, 0, "", message)])
    try:
        return source.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.content.count(b"\n", 0, error.start) + 1
        raise Unreadable([Problem(source.name, line, "", "the file is not UTF-8 text")]) from None


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come; `key` is a mapping's key that waits for its value."""

    value: MappingNode | SequenceNode
    anchor: str | None
    values_before: int
    key: str | None = None
    key_line: int = 0
    ignored: bool = False


class _Stop(Exception):
    """Reading on would be pointless or dangerous; the problem has been noted."""


@dataclass(slots=True)
class _Builder:
    """Puts events together to data."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    open: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    values: int = 0
    documents: int = 0
    root: Any = None
    root_line: int = 1
    stopped: bool = False

    def refuse(self, line: int, message: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(self.file, line, self._key(), message, suggestion))

    def result(self) -> MappingNode:
        if self.root is None:
            return MappingNode(1)
        if not isinstance(self.root, MappingNode):
            message = "a manifest is a mapping with keys such as `environment` and `apis`"
            raise Unreadable([Problem(self.file, self.root_line, "", message)])
        return self.root

    def take(self, event: yaml.Event) -> None:
        """Consume one event. `stopped` says that the rest must not be read."""
        try:
            self._take(event)
        except _Stop:
            self.stopped = True

    def _take(self, event: yaml.Event) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._begin(event, MappingNode if kind is yaml.MappingStartEvent else SequenceNode)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.documents += 1
            if self.documents > 1:
                self.refuse(_line(event), "a file holds one document; `---` begins a second",
                            "put it in a file of its own")
                raise _Stop

    def _scalar(self, event: Any) -> None:
        line = _line(event)
        self._plain(event, line)
        unquoted = event.implicit[0]
        value = _resolved(event.value) if unquoted else event.value
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self._add(value, line, text=event.value)

    def _begin(self, event: Any, kind: type[MappingNode | SequenceNode]) -> None:
        line = _line(event)
        self._plain(event, line)
        if len(self.open) >= MAX_DEPTH:
            self.refuse(line, f"nested deeper than {MAX_DEPTH} levels")
            raise _Stop
        if self.open and isinstance(self.open[-1].value, MappingNode) and self.open[-1].key is None:
            self.refuse(line, "a key must be text")
            raise _Stop
        self._count(1, line)
        if event.anchor is not None:
            self.anchors.pop(event.anchor, None)
        self.open.append(_Open(kind(line), event.anchor, self.values))

    def _end(self) -> None:
        done = self.open.pop()
        if done.anchor is not None:
            self.anchors[done.anchor] = (done.value, self.values - done.values_before + 1)
        self._place(done.value, done.value.line)

    def _alias(self, event: Any) -> None:
        line = _line(event)
        known = self.anchors.get(event.anchor)
        if known is None:
            self.refuse(line, f"the alias *{event.anchor} stands for nothing that ended before it")
            raise _Stop
        value, size = known
        self._count(size - 1, line)
        self._add(value, line, text=value if isinstance(value, str) else None)

    def _add(self, value: Any, line: int, text: str | None) -> None:
        """Take a scalar or an alias: a key if one is due, else a value."""
        if self.open and isinstance(self.open[-1].value, MappingNode) and self.open[-1].key is None:
            self._begin_pair(text, line)
            return
        self._count(1, line)
        self._place(value, line)

    def _begin_pair(self, key: str | None, line: int) -> None:
        top = self.open[-1]
        if key is None or len(key) > MAX_KEY_LENGTH:
            self.refuse(line, "a key must be text, and not a long one")
            raise _Stop
        if key == "<<":
            self.refuse(line, "merge keys (`<<`) are not supported", "write the keys out, or use an alias for a whole value")
        top.ignored = key in top.value
        if top.ignored:
            first = top.value.lines[key] if isinstance(top.value, MappingNode) else 0
            self.problems.append(Problem(
                self.file, line, self._key(key), f"the key `{_short(key)}` is already on line {first}", "remove one of the two"))
        top.key, top.key_line = key, line

    def _place(self, value: Any, line: int) -> None:
        if not self.open:
            self.root, self.root_line = value, line
            return
        top = self.open[-1]
        if isinstance(top.value, SequenceNode):
            top.value.append(value)
            top.value.lines.append(line)
        elif top.key is not None:
            if not top.ignored:
                top.value[top.key] = value
                top.value.lines[top.key] = top.key_line
            top.key = None

    def _count(self, values: int, line: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            self.refuse(line, f"more than {MAX_VALUES} values, aliases counted in full")
            raise _Stop

    def _plain(self, event: Any, line: int) -> None:
        if event.tag is not None:
            self.refuse(line, "tags (`!`) are not allowed: a manifest is plain data")
            raise _Stop

    def _key(self, last: str | None = None) -> str:
        """Where we are, as `apis[2].routes`."""
        text = ""
        for entry in self.open:
            if isinstance(entry.value, SequenceNode):
                text += f"[{len(entry.value)}]"
            elif entry.key is not None:
                text += f".{_short(entry.key)}"
        return (f"{text}.{_short(last)}" if last is not None else text).lstrip(".")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _short(key: str) -> str:
    return key if len(key) <= 60 else key[:57] + "..."


def _resolved(text: str) -> Any:
    """Return what unquoted text means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _MAYBE_NUMBER:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FRACTION.fullmatch(text):
            return float(text)
    return text
