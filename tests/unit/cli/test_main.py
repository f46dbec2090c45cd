"""The tree of commands as a whole: quick, documented, uniform, and without secrets as arguments."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from wardgate.cli.failures import EXPECTED, Failed, failure_of
from wardgate.cli.lazy import LazyGroup
from wardgate.cli.reference import commands, rewritten

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference" / "cli.md"
HEAVY = ("sqlalchemy", "pydantic", "cryptography", "httpx2", "starlette", "yaml", "wardgate.stores", "wardgate.client")
LEAVES = [(name, command) for name, command in commands() if not isinstance(command, click.Group)]


@pytest.mark.parametrize("group", [(), ("mesh",), ("message",)], ids=["wardgate", "mesh", "message"])
def test_help_imports_nothing_heavy_and_is_quick(group: tuple[str, ...]) -> None:
    """`wardgate --help` needs less than 150 ms of CPU, imports included, and no library but click; so does that of the groups whose commands need most.

    On a slow machine it is less than two and a half times what click alone needs to be imported.
    """
    code = (
        "import sys, time; begun = time.process_time()\n"
        "import click\n"
        "click_took = time.process_time() - begun\n"
        "from wardgate.cli import main\n"
        f"main([*{group!r}, '--help'], standalone_mode=False)\n"
        "took = time.process_time() - begun\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
        "print(took, click_took, file=sys.stderr)\n"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        imported, times = done.stderr.strip().split("\n")
        assert imported == "[]"
        runs.append(tuple(map(float, times.split())))
    quickest, of_click = min(runs)
    assert quickest < max(0.15, 2.5 * of_click)
    listed = dict(commands())[" ".join(("wardgate", *group))]
    assert isinstance(listed, LazyGroup)
    for name in listed.lazy:
        assert f"  {name}" in done.stdout


def test_the_reference_lists_every_command_and_option() -> None:
    """docs/reference/cli.md is what `python -m wardgate.cli.reference` writes."""
    held = REFERENCE.read_text(encoding="utf-8")
    assert held == rewritten(held), "run: python -m wardgate.cli.reference docs/reference/cli.md"
    for name, _ in commands():
        assert f"`{name}`" in held


def test_a_document_without_the_mark_is_not_rewritten() -> None:
    """The generator refuses a file that is not its own."""
    with pytest.raises(ValueError, match="no line"):
        rewritten("# something else")


@pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
def test_every_command_is_uniform(name: str, command: click.Command) -> None:
    """Each has --output text|json, one whose answer is a table csv too, a help text, and a help for each option."""
    options = {option: parameter for parameter in command.params if isinstance(parameter, click.Option) for option in parameter.opts}
    output = options["--output"].type
    assert isinstance(output, click.Choice)
    assert list(output.choices) in (["text", "json"], ["text", "json", "csv"])
    assert command.help
    assert all(parameter.help for parameter in options.values()), name


@pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
def test_no_secret_is_an_argument(name: str, command: click.Command) -> None:
    """An option about keys, tokens, passwords or assertions takes a file, a choice or a flag, never the thing itself."""
    for parameter in command.params:
        if re.search(r"key|token|password|secret|assertion", parameter.name or "") and not (parameter.name or "").endswith(("_id", "_label")):
            assert isinstance(parameter.type, (click.Path, click.Choice)) or getattr(parameter, "is_flag", False), (name, parameter.name)


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["manifest", "nonsense"], ["manifest", "check"], ["manifest", "check", "/no/such/file"], ["version", "--output", "xml"],
    ["up", "--cache-url", "redis://localhost"], ["up", "--port", "70000"], ["cert", "revoke"], ["app", "revoke-key", "x"],
    ["app", "set-jwks", "x"], ["call", "GET", "/x", "--header", "apikey: k"], ["call", "GET", "/x", "--header", "no-colon"],
    ["call", "GET", "/x", "--pattern", "api-key"], ["call", "GET", "/x", "--pattern", "tls-ma"], ["doctor", "jwks"],
    ["doctor", "cert", "--crl", __file__, __file__],
])
def test_wrong_use_is_exit_code_2(wardgate: Any, arguments: list[str]) -> None:
    """Wrong use says what is wrong on standard error, nothing on standard output, and exits with 2."""
    answer = wardgate(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert "Error: " in answer.err


def test_a_near_miss_is_named(wardgate: Any) -> None:
    """A mistyped command is answered with the one that was meant."""
    assert "Did you mean `manifest`?" in wardgate("manifst").err


def test_without_an_installation_nothing_is_made(wardgate: Any, tmp_path: Path) -> None:
    """A command in the wrong directory says so, and leaves no database behind."""
    answer = wardgate("app", "list")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"wardgate: there is no Wardgate in {tmp_path / 'data'}: start one with `wardgate up`, or name another with --data\n"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("module", "name"), EXPECTED)
def test_the_known_errors_exist(module: str, name: str) -> None:
    """Every error that is turned into one line is a class of its room."""
    __import__(module)
    assert issubclass(getattr(sys.modules[module], name), Exception)


def test_unknown_errors_keep_their_traceback() -> None:
    """A defect is not dressed up as a refusal; an error of the operating system is one line."""
    assert failure_of(KeyError("x")) is None
    failure = failure_of(FileNotFoundError(2, "No such file or directory", "/x"))
    assert isinstance(failure, Failed)
    assert failure.format_message() == "/x: No such file or directory"


def test_the_version(wardgate: Any) -> None:
    """`version` prints both versions, in both forms."""
    assert wardgate("version").out.startswith("wardgate 0.1.0 (Python 3.")
    assert wardgate("version", "--output", "json").data["wardgate"] == "0.1.0"


def test_a_setting_that_cannot_be_used_is_named(wardgate: Any, monkeypatch: pytest.MonkeyPatch, manifest_file: Path) -> None:
    """A variable of the environment that is wrong is named, not its value."""
    monkeypatch.setenv("WARDGATE_TOKEN_KEY_DAYS", "secret-nonsense")
    answer = wardgate("manifest", "apply", "--yes", manifest_file)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("wardgate: settings that cannot be used: WARDGATE_TOKEN_KEY_DAYS: Input should be a valid integer")
    assert "secret-nonsense" not in answer.err


def test_a_database_without_its_key_is_not_given_a_new_one(wardgate: Any, tmp_path: Path) -> None:
    """Looking at a database from a place without a store key says so, and makes none."""
    answer = wardgate("app", "list", "--database-url", f"sqlite:///{tmp_path / 'elsewhere.db'}")
    assert answer.code == 1
    assert answer.err.startswith("wardgate: no store key: set WARDGATE_STORE_KEY")
    assert not (tmp_path / "data").exists()


def test_up_without_a_manifest_says_what_to_do(wardgate: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A first start needs a manifest or the demo; a setting that cannot be used is named."""
    assert wardgate("up").err == "wardgate: there is no manifest yet: name one with --manifest FILE, or try the demo with --demo\n"
    bad = tmp_path / "bad.yaml"
    bad.write_text("environment: {nam: x}\n")
    answer = wardgate("up", "--manifest", bad)
    assert answer.code == 1
    assert f"{bad}:1: environment.nam" in answer.err
    monkeypatch.setenv("WARDGATE_ENVOY_THREADS", "many")
    assert wardgate("up").err.startswith("wardgate: settings that cannot be used: WARDGATE_ENVOY_THREADS: ")
