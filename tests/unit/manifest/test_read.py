"""Reading YAML: lines, plain data, and every way to be refused."""

import time
from pathlib import Path

import pytest

from wardgate.manifest.read import MAX_DEPTH, MAX_FILE_BYTES, Source, Unreadable, read


def data_of(text: str | bytes) -> dict[str, object]:
    """Read a text as a file."""
    return read(Source("m.yaml", text.encode() if isinstance(text, str) else text))


def refusal_of(text: str | bytes) -> tuple[int, str, str]:
    """Return line, key and message of the one problem that a text has."""
    with pytest.raises(Unreadable) as unreadable:
        data_of(text)
    (problem,) = unreadable.value.problems
    assert problem.file == "m.yaml"
    return problem.line, problem.key, problem.message


def test_lines_are_remembered() -> None:
    """Each key and each item knows its line."""
    read_data = read(Source("m.yaml", b"# a comment\na: 1\n\nb:\n  - x\n  - {c: y,\n     d: z}\n"))
    assert read_data == {"a": 1, "b": ["x", {"c": "y", "d": "z"}]}
    assert read_data.lines == {"a": 2, "b": 4}
    assert read_data["b"].lines == [5, 6]
    assert read_data["b"][1].lines == {"c": 6, "d": 7}


@pytest.mark.parametrize(("text", "value"), [
    ("12", 12), ("-3", -3), ("0", 0), ("1.5", 1.5), ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
    ('"12"', "12"), ("'true'", "true"), ("012", "012"), ("1e5", "1e5"), ("5E2", "5E2"), ("0x10", "0x10"), ("1_000", "1_000"),
    ("yes", "yes"), ("No", "No"), ("12:30:00", "12:30:00"), ("2030-01-31", "2030-01-31"), (".inf", ".inf"),
    ("99999999999999999999", "99999999999999999999"), ("=", "="), ("|\n  two\n  lines", "two\nlines\n"),
])
def test_unquoted_text(text: str, value: object) -> None:
    """Text becomes a number or a truth only when it is spelled like one in JSON; codes such as 5E2 stay text."""
    assert data_of(f"a: {text}\n") == {"a": value}


def test_an_empty_file_is_an_empty_mapping() -> None:
    """Files may hold comments only; a byte order mark is skipped."""
    assert data_of("") == {}
    assert data_of("# nothing\n") == {}
    assert data_of(b"\xef\xbb\xbfa: 1\n") == {"a": 1}
    assert data_of("--- {a: 1}\n...\n") == {"a": 1}


def test_aliases_stand_for_finished_values() -> None:
    """An anchor may be used again as a value or a key."""
    assert data_of("a: &x [1, 2]\nb: *x\nc: &y key\nd: {*y : 1}\n") == {"a": [1, 2], "b": [1, 2], "c": "key", "d": {"key": 1}}


@pytest.mark.parametrize(("text", "line", "key", "message"), [
    ("a: 1\nb: 2\na: 3\n", 3, "a", "the key `a` is already on line 1"),
    ("a:\n  - {b: 1,\n     b: 2}\n", 3, "a[0].b", "the key `b` is already on line 2"),
    ("a: !!python/object:os.system x\n", 1, "a", "tags (`!`) are not allowed: a manifest is plain data"),
    ("a: !!str x\n", 1, "a", "tags (`!`) are not allowed: a manifest is plain data"),
    ("a: &x {b: 1}\nc: {<<: *x}\n", 2, "c", "merge keys (`<<`) are not supported"),
    ("a: 1\n---\nb: 2\n", 2, "", "a file holds one document; `---` begins a second"),
    ("a: *nowhere\n", 1, "a", "the alias *nowhere stands for nothing that ended before it"),
    ("a: &x [*x]\n", 1, "a[0]", "the alias *x stands for nothing that ended before it"),
    ("? [a]\n: 1\n", 1, "", "a key must be text"),
    ("a: &x [1]\nb: {*x : 1}\n", 2, "b", "a key must be text, and not a long one"),
    ("- a\n", 1, "", "a manifest is a mapping with keys such as `environment` and `apis`"),
    ("just text\n", 1, "", "a manifest is a mapping with keys such as `environment` and `apis`"),
    (b"a: 1\nb: \xff\n", 2, "", "the file is not UTF-8 text"),
    ("a: [1\n", 2, "a[1]", "not valid YAML: did not find expected ',' or ']'"),
    ("a: 1\n\tb: 2\n", 2, "a", "not valid YAML: found a tab character that violates indentation"),
    ("a: 1\nb: \x07\n", 2, "", "not valid YAML: control characters are not allowed"),
])
def test_refused(text: str | bytes, line: int, key: str, message: str) -> None:
    """Each of these is refused where it is."""
    assert refusal_of(text) == (line, key, message)


def test_every_duplicate_is_named() -> None:
    """One mistake does not hide the next."""
    with pytest.raises(Unreadable) as unreadable:
        data_of("a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [(problem.line, problem.key) for problem in unreadable.value.problems] == [(2, "a"), (3, "b.c")]


def test_nesting_is_bounded() -> None:
    """The deepest allowed file is read; one level more is refused, and a million levels cost nothing."""
    deepest = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert data_of(deepest)
    assert refusal_of("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH)[2] == "nested deeper than 32 levels"
    begin = time.process_time()
    assert refusal_of("[" * 1_000_000)[2] == "nested deeper than 32 levels"
    assert refusal_of("- " * 1_000_000)[2] == "nested deeper than 32 levels"
    assert refusal_of("{a: " * 1_000_000)[2] == "nested deeper than 32 levels"
    assert time.process_time() - begin < 5


def test_aliases_cannot_multiply() -> None:
    """A few lines that stand for 10^10 values are refused by their count, at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    line, key, message = refusal_of("\n".join(lines))
    assert (line, key[:3], message) == (7, "a6[", "more than 3000000 values, aliases counted in full")


def test_size_is_bounded(tmp_path: Path) -> None:
    """A file over the limit is refused without being parsed, and not read to its end."""
    path = tmp_path / "big.yaml"
    path.write_bytes(b"# " + b"x" * MAX_FILE_BYTES)
    source = Source.of(path)
    assert len(source.content) == MAX_FILE_BYTES + 1
    with pytest.raises(Unreadable, match="larger than 10 MiB"):
        read(source)
