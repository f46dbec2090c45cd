"""Links lead somewhere, commands in the documents exist, and the set-up's lists fit together."""

import re
import shlex
from pathlib import Path
from typing import Final

import click
import pytest

from wardgate.cli.reference import commands
from wardgate.manifest import Source, check

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMANDS: Final = dict(commands())


def page_name(page: Path) -> str:
    """Return a page's name for reports."""
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made on GitHub."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there and, after #, a heading of it."""
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (page.parent / name).resolve() if name else page
        assert found.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(found), f"{target}: no such heading"


def spelt_commands(page: Path) -> list[str]:
    """Return every `wardgate …` command line in a page's code blocks and code spans."""
    text = page.read_text()
    lines = [line.removeprefix("$ ").strip() for block in FENCE.findall(text) for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    return [line for line in [*lines, *spans] if re.match(r"wardgate [a-z]", line)]


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "cli.md"], ids=page_name)
def test_commands_exist(page: Path) -> None:
    """Every command that a page spells is a command, with options that it has."""
    for line in spelt_commands(page):
        words = shlex.split(re.split(r"[|>;&#]| \\?$|…", re.sub(r"\$\([^)]*\)", "value", line))[0])
        depth = max(n for n in range(1, len(words) + 1) if " ".join(words[:n]) in COMMANDS)
        command = COMMANDS[" ".join(words[:depth])]
        assert depth == len(words) or not isinstance(command, click.Group), f"{line}: no such command"
        known = {spelling for parameter in command.params for spelling in parameter.opts} | {"--help"}
        given = {word.split("=")[0] for word in words[depth:] if re.match(r"--?[a-z]", word)}
        assert given <= known, f"{line}: {given - known}"


def pins(name: str) -> set[str]:
    """Return the exact versions of a list of requirements."""
    return set(re.findall(r"^([a-z0-9][\w.\-\[\]]*==\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))


def test_a_test_run_changes_nothing_that_a_running_server_uses() -> None:
    """dev.txt has every line of run.txt, so script/test adds packages to .venv and replaces none."""
    assert pins("run.txt") <= pins("dev.txt")
    assert len(pins("run.txt")) > 20


@pytest.mark.parametrize("name", ["run.txt", "dev.txt", "build.txt", "tools.txt"])
def test_requirements_have_hashes_and_no_addresses(name: str) -> None:
    """Every requirement is exact and has hashes; no list names an index."""
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "--index" not in text


def yaml_blocks() -> list[tuple[str, str]]:
    """Return every piece of YAML in the documents, with its page."""
    return [(page_name(page), text) for page in PAGES for text in re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)]


@pytest.mark.parametrize(("page", "text"), yaml_blocks())
def test_every_manifest_that_is_shown_is_valid(page: str, text: str) -> None:
    """A piece of YAML is a whole manifest, and `wardgate manifest check` passes it."""
    assert check([Source(page, text.encode())]).apis or "environment:" in text


def test_the_documents_show_manifests() -> None:
    """There is something for the test above to check."""
    assert len(yaml_blocks()) >= 3
