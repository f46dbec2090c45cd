"""`wardgate directory`: looking up whom to call, searching, and exchanging the system directory as files."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE
from wardgate.cli.output import Printer, pairs, table
from wardgate.cli.systems import by_option, directory_of, said_by, told
from wardgate.directory import AccreditedSystem, Endpoint, look_up
from wardgate.directory.entry import Entry, identifier_of
from wardgate.directory.errors import ImportRefused, InvalidEntries
from wardgate.directory.events import imported
from wardgate.directory.exchange import FileForm, Imported, take
from wardgate.directory.exchange import export as file_of
from wardgate.directory.filter import parse
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.ldif_lines import MAX_BYTES
from wardgate.server.whole_directory import WholeDirectory, taken
from wardgate.spine.interaction_catalogue import endpoint_interaction
from wardgate.stores.ports import DirectoryChange

FOUND_AT_MOST: Final = 1_000


@click.group()
def directory() -> None:
    """The system directory: whom to call, and the whole of it as a file."""


@directory.command("lookup")
@click.argument("who", metavar="ODS")
@click.argument("interaction")
@click.option("--by-system", is_flag=True, help="The receiver as it was found before: the system first, then its endpoint.")
@click.option("--national", is_flag=True, help="A national API: ODS is a party key, such as YES-0000806.")
@click.option("--asid", is_flag=True, help="A system that is known already: ODS is its ASID.")
@click.option("--record", default=None, metavar="URL", help="The holder of a record: of several systems, those at the URL's host.")
@click.option("--own", default=None, metavar="SUPPLIER", help="One's own system: the ASID by organisation, interaction and the supplier's ODS code.")
@with_world
@click.pass_context
def look_up_command(
    ctx: click.Context, who: str, interaction: str, by_system: bool, national: bool, asid: bool, record: str | None, own: str | None, world: World, printer: Printer,
) -> None:  # fmt: skip
    """Find whom to call at ODS for INTERACTION, by the published recipes: without an option, the endpoint first, then its systems.

    The exit code is 1 when nobody is found.
    """
    if sum((by_system, national, asid, record is not None, own is not None)) > 1:
        raise click.UsageError("give one of --by-system, --national, --asid, --record, --own")
    index, served = DirectoryIndex(directory_of(world).whole), endpoint_interaction(interaction)
    pairs_found: list[tuple[AccreditedSystem | None, Endpoint | None]]
    if own is not None:
        pairs_found = [(one, None) for one in look_up.own_systems(index, who, interaction, own)]
    elif national:
        pairs_found = [(None, one) for one in look_up.national_endpoints(index, who, served)]
    else:
        found = (look_up.receivers_by_system(index, who, interaction) if by_system else look_up.receivers_of_asid(index, who, served) if asid
                 else look_up.record_holders(index, who, served, record) if record is not None else look_up.receivers_by_endpoint(index, who, served))
        pairs_found = [(one.system, one.endpoint) for one in found]
    data = [_pair(one, served_at) for one, served_at in pairs_found]
    rows = [(one["asid"] or "", one["party_key"], one["organisation"], ", ".join(one["urls"])) for one in data]
    printer.answer(data, table(("ASID", "PARTY KEY", "ORGANISATION", "ENDPOINT"), rows) if rows else [f"nobody at {who} for {interaction}"])
    if not data:
        ctx.exit(1)


@directory.command()
@click.argument("filter_text", metavar="FILTER")
@click.option("--limit", type=click.IntRange(1, FOUND_AT_MOST), default=100, show_default=True, help="How many entries at most.")
@with_world
@click.pass_context
def search(ctx: click.Context, filter_text: str, limit: int, world: World, printer: Printer) -> None:
    """Search the live entries by an LDAP filter (RFC 4515), such as '(&(objectClass=nhsAs)(nhsIDCode=Z9X01))'.

    The exit code is 1 when nothing matches.
    """
    found = DirectoryIndex(directory_of(world).whole).search(parse(filter_text), limit)
    shown, more = found[:limit], len(found) > limit
    printer.answer({"entries": [{"dn": one.dn, "objectClass": one.object_class.value, **{name: list(values) for name, values in one.values.items()}} for one in shown],
                    "more": more}, [line for one in shown for line in (*_entry(one), "")])
    if more:
        printer.note(f"there are more than {limit}")
    if not found:
        ctx.exit(1)


@directory.command()
@click.option("--format", "form", type=click.Choice([form.value for form in FileForm]), default=FileForm.LDIF.value, show_default=True, help="What kind of file.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", help="A new file; without it, standard output.")
@with_world
def export(form: str, out: Path | None, world: World, printer: Printer) -> None:
    """Write every entry, the manifest's among them, live or not. How far systems are, and sharing rules, are not in the file."""
    whole = directory_of(world).whole
    content = file_of(whole, FileForm(form))
    count = len(whole.items)
    if out is not None:
        if out.exists():
            raise Failed(f"{out} exists; the directory is written to a new file")
        out.write_bytes(content)
        printer.answer({"format": form, "entries": count, "file": str(out)}, [f"wrote {count} entries to {out}"])
        return
    text = content.decode()
    printer.answer({"format": form, "entries": count, "content": text}, text.removesuffix("\n").split("\n"))


@directory.command("import")
@click.argument("file", type=IN_FILE)
@click.option("--format", "form", type=click.Choice([form.value for form in FileForm]), default=None, help="What kind of file it is; without it, what its name ends in.")
@click.option("--check", "only_check", is_flag=True, help="Say what would become of the file, and take nothing.")
@by_option
@wait_option
@with_world
@click.pass_context
def import_file(
    ctx: click.Context, file: Path, form: str | None, only_check: bool, by: str | None, wait: float, world: World, printer: Printer
) -> None:
    """Take a file of entries into the directory: all of it, or nothing, with every problem told. New systems are live at once."""
    kind = _form(file, form)
    content = _content(file)
    found = directory_of(world)
    try:
        done = take(found.whole, content, kind, environment=world.environment.name, by=said_by(by), at=world.now)
        _not_of_the_manifest(found, done)
    except InvalidEntries as refused:
        printer.answer({"taken": False, "problems": [asdict(problem) for problem in refused.problems]}, _told_of(refused))
        ctx.exit(1)
    counts = {"added": len(done.added), "changed": len(done.changed), "unchanged": len(done.unchanged)}
    data = {"taken": not only_check, **counts, "problems": []}
    said = [f"{counts['added']} added, {counts['changed']} changed, {counts['unchanged']} as they were"]
    change = _change(found, done)
    if only_check or not (change.items or change.enrolments):
        printer.answer(data, [*said, "nothing was taken" if only_check else "the store holds all of it already"])
        return
    generation = world.stores.system_directory.write(change, imported(done, kind.value, told(), world.now), found.generation)
    confirm(world, printer, generation, wait, data, said)


def _form(file: Path, form: str | None) -> FileForm:
    try:
        return FileForm(form or file.suffix.removeprefix(".").lower())
    except ValueError:
        raise click.UsageError("say what kind of file it is: --format ldif or --format csv") from None


def _content(file: Path) -> bytes:
    """Return the file, at most one byte over the limit of the readers, who refuse it then."""
    with file.open("rb") as stream:
        return stream.read(MAX_BYTES + 1)


def _not_of_the_manifest(found: WholeDirectory, done: Imported) -> None:
    """Raise `ImportRefused` for entries that the manifest states otherwise."""
    stated = found.of_manifest
    if wrong := [name for name in (*done.changed, *done.added) if name.lower() in stated]:
        raise ImportRefused(taken(wrong))


def _change(found: WholeDirectory, done: Imported) -> DirectoryChange:
    written = {*done.added, *done.changed}
    enrolled = {one.asid for one in found.whole.enrolments}
    return DirectoryChange(
        items=tuple(item for item in done.directory.items if identifier_of(item) in written),
        enrolments=tuple(one for one in done.directory.enrolments if one.asid not in enrolled),
    )


def _told_of(refused: InvalidEntries) -> Iterable[str]:
    return (*str(refused).split("\n"), "nothing was taken")


def _pair(system: AccreditedSystem | None, endpoint: Endpoint | None) -> dict[str, Any]:
    one = system or endpoint
    return {
        "asid": system.asid if system is not None else None, "party_key": one.party_key if one is not None else "",
        "organisation": one.organisation if one is not None else "", "manufacturer": one.manufacturer if one is not None else None,
        "interaction": endpoint.interaction if endpoint is not None else None, "urls": list(endpoint.urls) if endpoint is not None else [],
        "fqdn": endpoint.fqdn if endpoint is not None else None, "cpa_id": endpoint.cpa_id if endpoint is not None else None,
    }  # fmt: skip


def _entry(found: Entry) -> list[str]:
    return [found.dn, *pairs((f"  {name}", value) for name, values in found.values.items() for value in values)]
