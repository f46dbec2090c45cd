"""`wardgate manifest`: the source of truth, checked, compared, applied and exported."""

import sys
from pathlib import Path
from typing import Any

import click

from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.options import IN_FILE, printing
from wardgate.cli.output import Printer
from wardgate.demo.refuse_live import refuse_demo_when_live
from wardgate.manifest import Manifest, ManifestInvalid, check_files
from wardgate.manifest.diff import diff as difference_of
from wardgate.manifest.export import export as as_yaml
from wardgate.manifest.export import stated
from wardgate.manifest.schema import json_schema, schema_text
from wardgate.server.applying import apply as store_all
from wardgate.server.applying import documents_to_change, key_work
from wardgate.server.published_secrets import refuse_published_secrets
from wardgate.server.whole_directory import asids_of, check_directory, live_of

files_argument = click.argument("files", nargs=-1, required=True, type=IN_FILE, metavar="FILE...")


@click.group()
def manifest() -> None:
    """The manifest: one description of everything, in one file or many."""


@manifest.command("check")
@files_argument
@with_world
@click.pass_context
def check_manifest(ctx: click.Context, files: tuple[Path, ...], world: World, printer: Printer) -> None:
    """Check manifest files: every problem with file, line and key. The exit code is 1 when there is one.

    Where the data directory holds an installation, the systems that are registered there may be named too, and must not clash.
    """
    try:
        found = _read(files, world)
        if world.exists:
            check_directory(world.stores, found)
    except ManifestInvalid as invalid:
        printer.answer({"valid": False, "problems": [problem.as_json() for problem in invalid.problems]}, map(str, invalid.problems))
        ctx.exit(1)
    counts = {"apis": len(found.apis), "products": len(found.products), "applications": len(found.applications), "systems": len(found.systems)}
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    printer.answer({"valid": True, "environment": found.environment.name, **counts, "problems": []},
                   [f"the manifest of {found.environment.name} is valid: {told}"])


@manifest.command()
@files_argument
@with_world
def diff(files: tuple[Path, ...], world: World, printer: Printer) -> None:
    """Show what applying the files would change: documents, and who gains and who loses which route."""
    wanted = _read(files, world)
    if not world.exists:
        found = difference_of(None, wanted)
        printer.answer(found.as_json(), found.as_text().splitlines())
        return
    directory = check_directory(world.stores, wanted)
    _, before, step = documents_to_change(world.stores, wanted)
    found = difference_of(before, wanted, registered=live_of(directory.kept))
    keys = key_work(world.stores, wanted, step.remove)
    printer.answer({**found.as_json(), "api_keys": [line.strip() for line in keys.lines()]}, _difference_lines(found.as_text(), keys.lines()))


@manifest.command()
@files_argument
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@wait_option
@with_world
def apply(files: tuple[Path, ...], yes: bool, wait: float, world: World, printer: Printer) -> None:
    """Make the files together the manifest: show the difference, ask, store it, and wait until every Envoy enforces it.

    What the files do not mention is removed; `wardgate manifest export` gives a file to begin with.
    """
    wanted = _read(files, world)
    world.create()
    directory = check_directory(world.stores, wanted)
    seen, before, step = documents_to_change(world.stores, wanted)
    found = difference_of(before, wanted, registered=live_of(directory.kept))
    keys = key_work(world.stores, wanted, step.remove)
    lines = _difference_lines(found.as_text(), keys.lines())
    if (step or keys) and not yes:
        for line in lines:
            click.echo(line, err=True)
        _ask()
    generation = store_all(world.stores, wanted, seen, step, keys, world.now, world.event)
    data = {**found.as_json(), "api_keys": [line.strip() for line in keys.lines()], "applied": bool(step or keys)}
    told = [f"applied as generation {generation}"] if step or keys else [f"the store holds this manifest already (generation {generation})"]
    confirm(world, printer, generation, wait, data, [*(lines if yes else []), *told])


@manifest.command()
@with_world
def export(world: World, printer: Printer) -> None:
    """Print the manifest that the store holds, as one YAML file without secrets."""
    _, held = world.manifest()
    text = as_yaml(held)
    printer.answer(stated(held), text.rstrip("\n").split("\n"))


@manifest.command()
@printing
def schema(printer: Printer) -> None:
    """Print the JSON Schema of a manifest file, for editors."""
    printer.answer(json_schema(), schema_text().rstrip("\n").split("\n"))


def _read(files: tuple[Path, ...], world: World) -> Manifest:
    """Return the manifest of the files. Raises `ManifestInvalid`, also for demo content in a live environment."""
    found = check_files(files, asids_of(world.stores) if world.exists else ())
    refuse_demo_when_live(found)
    if world.exists:
        refuse_published_secrets(world.stores, found)
    return found


def _difference_lines(text: str, keys: list[str]) -> list[str]:
    return [*text.rstrip("\n").split("\n"), *(["API keys:", *keys] if keys else [])]


def _ask() -> Any:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to ask: look at the difference with `wardgate manifest diff`, then give --yes")
    click.confirm("Apply?", abort=True, err=True)
