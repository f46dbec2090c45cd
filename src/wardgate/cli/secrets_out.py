"""New secrets: printed once, or written to a new file that only its owner can read."""

import os
from pathlib import Path
from typing import Any

import click


def new_secret_file(_ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that exists, before a secret is made that could not be written: a callback of an option."""
    if path is not None and path.exists():
        raise click.BadParameter(f"{path} exists; a secret is written to a new file")
    return path


def write_secret(what: str, secret: str, path: Path | None) -> tuple[dict[str, Any], list[str]]:
    """Return the one answer that shows a secret, or write it to a new file and return where. Raises `OSError`."""
    name = what.replace(" ", "_")
    if path is None:
        return {name: secret}, [f"{what}  {secret}"]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
    return {f"{name}_file": str(path)}, [f"{what} written to {path}"]
