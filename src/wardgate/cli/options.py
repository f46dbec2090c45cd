"""Options that commands share."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from wardgate.cli.output import Output, Printer

Command = Callable[..., Any]

IN_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
MAX_INPUT_BYTES: Final = 1_000_000

data_option = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), default=Path("data"), show_default="data",
    envvar="WARDGATE_DATA", show_envvar=True, help="The data directory: keys, CA, database.",
)
database_option = click.option(
    "--database-url", envvar="WARDGATE_DATABASE_URL", show_envvar=True, default=None,
    help="The database, when it is not the SQLite file in the data directory. Give a password through the environment.",
)
WHERE_SERVED: Final = "where the server of the data directory answers, else https://localhost:8443"
base_url_option = click.option(
    "--base-url", envvar="WARDGATE_URL", show_envvar=True, default=None, show_default=WHERE_SERVED,
    help="Scheme, host and port of the environment.",
)
ca_option = click.option(
    "--ca", type=IN_FILE, default=None, show_default="ca.pem of the data directory, if there is one",
    help="PEM file of the roots that the server's certificate is verified with.",
)


output_option = click.option(
    "--output", "-o", type=click.Choice([Output.TEXT.value, Output.JSON.value]), default=Output.TEXT.value, show_default=True,
    help="Text for people, JSON for programs.",
)
table_option = click.option(
    "--output", "-o", type=click.Choice([form.value for form in Output]), default=Output.TEXT.value, show_default=True,
    help="Text for people, JSON for programs, CSV for spreadsheets.",
)


def printing(command: Command, option: Command = output_option) -> Command:
    """Add `--output`, and pass a `printer`."""
    @functools.wraps(command)
    def wrapped(*arguments: Any, output: str, **options: Any) -> Any:
        return command(*arguments, printer=Printer(Output(output)), **options)

    found: Command = option(wrapped)
    return found


def read_input(path: Path | None, what: str) -> bytes:
    """Return the content of a file, or of standard input for `-`. Refuses more than 1 MB, and a terminal."""
    if path is None or str(path) == "-":
        stream = sys.stdin.buffer
        if stream.isatty():
            raise click.UsageError(f"give {what} as a file, or on standard input")
        content = stream.read(MAX_INPUT_BYTES + 1)
    else:
        with path.open("rb") as file:
            content = file.read(MAX_INPUT_BYTES + 1)
    if len(content) > MAX_INPUT_BYTES:
        raise click.UsageError(f"{what} has more than {MAX_INPUT_BYTES} bytes")
    return content
