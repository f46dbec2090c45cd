"""`wardgate system`: accredited systems, from their registration to what they may do."""

from dataclasses import replace
from typing import Any, Final

import click

from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import printing
from wardgate.cli.output import Printer, pairs, table
from wardgate.cli.system_endpoints import endpoint, remove_system, share, unshare
from wardgate.cli.system_steps import approve, ask, evidence, go_live, grant, name, resume, send_back, suspend
from wardgate.cli.systems import (
    asid_argument,
    by_option,
    check_certifiable,
    data_of,
    directory_of,
    found_of,
    role_of,
    said_by,
    told,
    urp_option,
)
from wardgate.directory import AccreditedSystem, onboarding
from wardgate.directory.events import stepped
from wardgate.directory.message_set import interactions_of
from wardgate.directory.minting import next_asid, next_party_key
from wardgate.directory.onboarding import Enrolment, State
from wardgate.directory.registering import new_system, sets_known
from wardgate.directory.whole import check
from wardgate.server.whole_directory import WholeDirectory
from wardgate.stores.errors import AlreadyExists, Superseded

TRIES: Final = 5
"""How often a number is made again because somebody else took it, or wrote to the directory, in the meantime."""


@click.group()
def system() -> None:
    """Accredited systems: register them, assure them step by step, suspend them, and see what they may do.

    A system is requested, has evidence, is approved for message sets, and goes live. Only live systems may call.
    """


for command in (evidence, approve, go_live, suspend, resume, ask, grant, send_back, name, remove_system, endpoint, share, unshare):
    system.add_command(command)


@system.command()
@click.option("--organisation", required=True, metavar="ODS", help="The organisation that runs it; the manifest has it.")
@click.option("--message-set", "sets", multiple=True, required=True, metavar="NAME",
              help="A message set that it asks for (`wardgate system message-sets`), or one interaction's id; several may be given.")
@click.option("--fqdn", default=None, help="Its name on the network, which its certificate will carry. A provider may have those of its endpoints alone.")
@click.option("--party-key", "handler", default=None, metavar="KEY", help="The message handler that it shares with other systems of the organisation; without it, a new one.")
@click.option("--product", default=None, help="The product's name.")
@click.option("--product-version", default=None, help="The product's version.")
@click.option("--manufacturer", default=None, metavar="ODS", help="The supplier of the product; it never changes.")
@click.option("--client", "clients", multiple=True, metavar="ODS", help="An organisation that it acts for, if not its own; several may be given.")
@by_option
@urp_option
@wait_option
@with_world
def register(
    organisation: str, sets: tuple[str, ...], fqdn: str | None, handler: str | None, product: str | None, product_version: str | None,
    manufacturer: str | None, clients: tuple[str, ...], by: str | None, urp: str | None, wait: float, world: World, printer: Printer,
) -> None:  # fmt: skip
    """Register a system: it gets an ASID and a party key, and asks for message sets. It may not call before it is live."""
    if fqdn is not None:
        fqdn = check_certifiable(world, fqdn)
    more: dict[str, Any] = {"product_name": product, "product_version": product_version, "manufacturer": manufacturer}
    more |= {"clients": tuple(dict.fromkeys(clients))} if clients else {}
    for left in reversed(range(TRIES)):
        directory = directory_of(world)
        asid, key = _numbers(world, directory, organisation, handler)
        made = new_system(asid, organisation, key, interactions_of(sets, sets_known(sets)), role=role_of(urp, by), at=world.now)
        made = replace(made, **more)
        enrolment = onboarding.request(asid, world.environment.name, sets, by=said_by(by), at=world.now, fqdn=fqdn)
        _check_new(world, directory, made, enrolment)
        try:
            generation = world.stores.system_directory.register(made, enrolment, stepped(enrolment, told()), seen=directory.generation)
            break
        except (AlreadyExists, Superseded):
            if not left:
                raise
    data = {"asid": asid, "party_key": key, "organisation": organisation, "fqdn": fqdn, "state": enrolment.state.value, "asked": list(enrolment.asked)}
    confirm(world, printer, generation, wait, data, [
        f"registered {asid} of {organisation}, party key {key}", f"next: wardgate system evidence {asid} --kind … --reference …"])


@system.command()
@asid_argument
@with_world
def show(asid: str, world: World, printer: Printer) -> None:
    """Show a system: how far it is, who took which step, what it may send and where it serves."""
    found = found_of(directory_of(world), asid)
    data = data_of(found)
    now = world.now
    held = [one for one in world.stores.certificates.find(subject=("system", asid)) if one.revoked_at is None and one.not_after > now]
    certificates = [{"name": one.name, "serial": one.serial, "not_after": one.not_after.isoformat()} for one in held]
    rows = [(key.replace("_", " "), _text(data[key])) for key in (
        "asid", "organisation", "party_key", "state", "product", "manufacturer", "clients", "certificate_names", "asked", "granted", "source")]
    rows += [("certificates", ", ".join(f"{one.name} until {one.not_after:%Y-%m-%d}" for one in held) or "none")]
    lines = [*pairs(rows), "", *(f"may send {one}" for one in data["interactions"])]
    lines += [f"serves {one['interaction']} at {', '.join(one['urls'])} ({one['cpa_id']})" for one in data["endpoints"]]
    lines += [f"evidence: {one['kind']}, {one['reference']}" for one in data["evidence"]]
    lines += ["", *table(("STEP", "AT", "BY", "NOTE"), [(one["step"], one["at"], one["by"], one["note"]) for one in data["history"]])]
    printer.answer({**data, "certificates": certificates}, lines)


@system.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]), default=None, help="Only those that are so far.")
@click.option("--organisation", default=None, metavar="ODS", help="Only those of this organisation.")
@with_world
def list_systems(state: str | None, organisation: str | None, world: World, printer: Printer) -> None:
    """List the systems, those of the manifest among them."""
    directory = directory_of(world)
    states = {one.asid: one for one in directory.whole.enrolments}
    stated = {one.asid for one in directory.stated}
    shown = [(one, states[one.asid]) for one in sorted(directory.whole.systems, key=lambda one: one.asid)
             if one.asid in states and state in {None, states[one.asid].state.value} and organisation in {None, one.organisation}]
    data: list[dict[str, Any]] = [{"asid": one.asid, "organisation": one.organisation, "party_key": one.party_key, "product": one.product_name, "state": at.state.value,
             "interactions": len(one.interactions), "fqdn": at.fqdn, "source": "manifest" if one.asid in stated else "registered"} for one, at in shown]
    rows = [(one["asid"], one["organisation"], one["party_key"], one["product"] or "", one["state"], one["source"]) for one in data]
    printer.answer(data, table(("ASID", "ORGANISATION", "PARTY KEY", "PRODUCT", "STATE", "SOURCE"), rows))


@system.command()
@asid_argument
@with_world
def interactions(asid: str, world: World, printer: Printer) -> None:
    """Show the interactions that a system may send, those it serves, and those that it has asked for and not been granted."""
    found = found_of(directory_of(world), asid)
    waiting = [one for one in found.enrolment.asked if one not in found.enrolment.granted]
    pending = interactions_of(waiting, sets_known(waiting)) if waiting else ()
    sends = found.system.interactions if found.enrolment.state in {State.LIVE, State.APPROVED, State.SUSPENDED} else ()
    in_sets = {interaction: one.name for one in sets_known(found.enrolment.asked) for interaction in one.interactions}
    rows = [(one, "sends", in_sets.get(one, "")) for one in sends]
    rows += [(one.interaction, "serves", in_sets.get(one.interaction, "")) for one in found.endpoints]
    rows += [(one, "asked for", in_sets.get(one, "")) for one in pending if one not in sends]
    printer.answer({"asid": asid, "state": found.enrolment.state.value, "sends": list(sends), "serves": [one.interaction for one in found.endpoints],
                    "asked_for": [one for one in pending if one not in sends]}, table(("INTERACTION", "HOW", "MESSAGE SET"), rows))


@system.command("message-sets")
@printing
def message_sets(printer: Printer) -> None:
    """List the national message sets and their interactions. An event of NEMS is a set of its own: give its interaction's id."""
    found = sets_known()
    rows = [(one.name if not index else "", interaction) for one in found for index, interaction in enumerate(one.interactions)]
    printer.answer([{"name": one.name, "interactions": list(one.interactions)} for one in found], table(("MESSAGE SET", "INTERACTION"), rows))


def _numbers(world: World, directory: WholeDirectory, organisation: str, party_key: str | None) -> tuple[str, str]:
    """Return a new ASID and the party key; a key that is given has to be one of the organisation's."""
    taken_asids, taken_keys = world.stores.system_directory.taken()
    asids = {one.asid for one in directory.whole.systems} | {one.asid for one in directory.stated} | {one.asid for one in directory.kept.enrolments}
    spelt = [*(item.party_key for item in directory.whole.items), *(one.party_key for one in directory.stated)]
    keys = {found.lower(): found for found in spelt}
    key = party_key or next_party_key(organisation, {*keys.values(), *taken_keys})
    if party_key is not None:
        owners = {item.organisation for item in directory.whole.items if item.party_key.lower() == party_key.lower()}
        if owners != {organisation}:
            raise Failed(f"{party_key} is no party key of {organisation}: leave --party-key out for a new one")
        key = keys[party_key.lower()]
    return next_asid({*asids, *taken_asids}), key


def _check_new(world: World, directory: WholeDirectory, made: AccreditedSystem, enrolment: Enrolment) -> None:
    """Hold the new system against the whole directory. Raises `InvalidEntries` and `Failed`."""
    known = {one.ods for one in world.manifest()[1].organisations}
    for code in (made.organisation, *made.clients):
        if code not in known:
            raise Failed(f"there is no organisation {code} in the manifest")
    whole = directory.whole
    check(replace(whole, systems=(*whole.systems, made), enrolments=(*whole.enrolments, enrolment)))


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
