"""The reference of the command line, written from the tree of commands: `python -m wardgate.cli.reference FILE`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from wardgate.cli.main import main

BEGIN: Final = "<!-- commands: written by `python -m wardgate.cli.reference docs/reference/cli.md` -->"


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, groups before their members."""
    yield from _below("wardgate", main, click.Context(main, info_name="wardgate"))


def render() -> str:
    """Return the generated part: a section for each command, a line for each argument and option."""
    return "\n".join(line for name, command in commands() for line in _section(name, command)) + "\n"


def rewritten(document: str) -> str:
    """Return the document with its generated part made anew. Raises `ValueError` when it has none."""
    head, found, _ = document.partition(BEGIN)
    if not found:
        raise ValueError("the document has no line that begins the generated part")
    return f"{head}{BEGIN}\n\n{render()}"


def _below(name: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for member in command.list_commands(context):
            found = command.get_command(context, member)
            if found is not None:
                yield from _below(f"{name} {member}", found, context)


def _section(name: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=name)
    yield f"## `{name}`" if name.count(" ") <= 1 else f"### `{name}`"
    yield ""
    yield " ".join((command.help or "").split())
    yield ""
    if isinstance(command, click.Group):
        return
    yield "```"
    yield f"{name} {' '.join(command.collect_usage_pieces(context))}"
    yield "```"
    yield ""
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None:
            yield f"- `{record[0]}` {' '.join(record[1].split())}"
    yield ""


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")
