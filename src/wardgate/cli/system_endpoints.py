"""Where systems serve interactions, and which systems may ask which through the secure proxy (spine 4.4, 7.3)."""

import secrets
from dataclasses import replace

import click

from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer
from wardgate.cli.systems import (
    Found,
    asid_argument,
    by_option,
    check_unclaimed,
    directory_of,
    endpoint_data,
    found_of,
    own_of,
    role_of,
    told,
    urp_option,
)
from wardgate.directory import Directory
from wardgate.directory.events import changed
from wardgate.directory.minting import CPA_ID_BYTES, cpa_id
from wardgate.directory.onboarding import State
from wardgate.directory.registering import new_endpoint
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.whole import check
from wardgate.server.whole_directory import WholeDirectory
from wardgate.stores.ports import DirectoryChange


@click.group()
def endpoint() -> None:
    """Where a system's message handler serves an interaction."""


@endpoint.command()
@asid_argument
@click.option("--interaction", required=True, metavar="ID", help="What is served.")
@click.option("--url", required=True, help="The service root: https, no port, no slash at its end. Its host is the name its certificate carries.")
@click.option("--cpa-id", "contract", default=None, metavar="ID", help="The contract's id; without it, a new one.")
@by_option
@urp_option
@wait_option
@with_world
def add(
    asid: str, interaction: str, url: str, contract: str | None, by: str | None, urp: str | None, wait: float, world: World, printer: Printer
) -> None:
    """Add an endpoint to a system that was registered or imported. One beside live systems of its party key has to be approved before."""
    found = own_of(directory_of(world), asid)
    _check_approved(found)
    made = new_endpoint(found.system, interaction, url, contract or cpa_id(secrets.token_bytes(CPA_ID_BYTES)), role=role_of(urp, by), at=world.now)
    check_unclaimed(world, made.fqdn)
    if any(one.cpa_id.lower() == made.cpa_id.lower() for one in found.directory.whole.endpoints):
        raise Failed(f"there is an endpoint with the CPA id {made.cpa_id} already")
    whole = found.directory.whole
    check(replace(whole, endpoints=(*whole.endpoints, made)))
    generation = _write(world, found.directory, DirectoryChange(items=(made,)), 1, 0)
    confirm(world, printer, generation, wait, endpoint_data(made), [f"{asid} serves {interaction} at {url} (CPA id {made.cpa_id})"])


def _check_approved(found: Found) -> None:
    """An endpoint is its party key's, and so is its name: the certificate of it is good for every ASID of the key that is live. Raises `Failed`."""
    key = found.system.party_key.lower()
    beside = {one.asid for one in found.directory.whole.systems if one.party_key.lower() == key} - {found.system.asid}
    live = sorted(one.asid for one in found.directory.whole.enrolments if one.asid in beside and one.state is State.LIVE)
    if live and found.enrolment.state not in {State.APPROVED, State.LIVE}:
        raise Failed(f"the system {found.system.asid} is {found.enrolment.state} and shares its party key with {live[0]}, which is live: it has to be approved first")


@endpoint.command()
@click.argument("contract", metavar="CPA-ID")
@wait_option
@with_world
def remove(contract: str, wait: float, world: World, printer: Printer) -> None:
    """Remove an endpoint. Its CPA id is never given again."""
    directory = directory_of(world)
    made = next((one for one in directory.whole.endpoints if one.identifier.lower() == contract.lower()), None)
    if made is None:
        raise Failed(f"there is no endpoint with the CPA id {contract}: wardgate system show ASID")
    if made.identifier.lower() in directory.of_manifest:
        raise Failed(f"the endpoint {contract} is the manifest's: change it there, then wardgate manifest apply")
    generation = _write(world, directory, DirectoryChange(removed=(made.identifier,)), 0, 1)
    confirm(world, printer, generation, wait, {"removed": endpoint_data(made)}, [f"removed {made.cpa_id}: {made.interaction}"])


_from = click.argument("from_asid", metavar="FROM-ASID")
_to = click.argument("to_asid", metavar="TO-ASID")
_service = click.argument("service")


@click.command()
@_from
@_to
@_service
@wait_option
@with_world
def share(from_asid: str, to_asid: str, service: str, wait: float, world: World, printer: Printer) -> None:
    """Let FROM-ASID ask TO-ASID through the secure proxy for SERVICE, such as urn:nhs:names:services:gpconnect, or one interaction."""
    directory = directory_of(world)
    rule = SharingRule(from_asid, to_asid, service)
    for asid in (from_asid, to_asid):
        found_of(directory, asid)
    if rule in directory.whole.sharing_rules:
        raise Failed("there is this data-sharing rule already")
    generation = _write(world, directory, DirectoryChange(shared=(rule,)), 1, 0)
    confirm(world, printer, generation, wait, _rule(rule), [f"{from_asid} may ask {to_asid} for {service}"])


@click.command()
@_from
@_to
@_service
@wait_option
@with_world
def unshare(from_asid: str, to_asid: str, service: str, wait: float, world: World, printer: Printer) -> None:
    """Take a data-sharing rule back."""
    directory = directory_of(world)
    rule = SharingRule(from_asid, to_asid, service)
    if rule not in directory.kept.sharing_rules:
        where = "the manifest's: change it there, then wardgate manifest apply" if rule in directory.whole.sharing_rules else "not there"
        raise Failed(f"this data-sharing rule is {where}")
    generation = _write(world, directory, DirectoryChange(unshared=(rule,)), 0, 1)
    confirm(world, printer, generation, wait, _rule(rule), [f"{from_asid} may no longer ask {to_asid} for {service}"])


@click.command("remove")
@asid_argument
@wait_option
@with_world
def remove_system(asid: str, wait: float, world: World, printer: Printer) -> None:
    """Remove a suspended system, with the data-sharing rules that name it and, if no other system has its party key, its endpoints.

    What is recorded of it stays, and its numbers are never given again.
    """
    found = own_of(directory_of(world), asid)
    if found.enrolment.state is State.LIVE:
        raise Failed(f"the system {asid} is live: wardgate system suspend {asid} first")
    rules = tuple(rule for rule in found.directory.kept.sharing_rules if asid in {rule.from_asid, rule.to_asid})
    key = found.system.party_key.lower()
    alone = all(one.asid == asid for one in found.directory.whole.systems if one.party_key.lower() == key)
    served = tuple(one.identifier for one in found.endpoints if one.identifier.lower() not in found.directory.of_manifest) if alone else ()
    check(_without(found.directory.whole, asid, served, rules))
    change = DirectoryChange(removed=(asid, *served), unshared=rules)
    generation = _write(world, found.directory, change, 0, len(change.removed) + len(rules))
    data = {"removed": asid, "endpoints": list(served), "sharing_rules": [_rule(rule) for rule in rules]}
    confirm(world, printer, generation, wait, data, [f"removed {asid}, {len(served)} endpoints and {len(rules)} data-sharing rules"])


def _without(whole: Directory, asid: str, endpoints: tuple[str, ...], rules: tuple[SharingRule, ...]) -> Directory:
    """Return the directory without a system; a rule of the manifest that names it is a contradiction, and is told."""
    return replace(
        whole, systems=tuple(one for one in whole.systems if one.asid != asid), endpoints=tuple(one for one in whole.endpoints if one.identifier not in endpoints),
        enrolments=tuple(one for one in whole.enrolments if one.asid != asid), sharing_rules=tuple(rule for rule in whole.sharing_rules if rule not in rules),
    )  # fmt: skip


def _write(world: World, directory: WholeDirectory, change: DirectoryChange, put: int, removed: int) -> int:
    return world.stores.system_directory.write(change, changed(put, removed, told(), world.now), directory.generation)


def _rule(rule: SharingRule) -> dict[str, str]:
    return {"from_asid": rule.from_asid, "to_asid": rule.to_asid, "service": rule.service}
