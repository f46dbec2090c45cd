"""The steps of a system's assurance: evidence, approval, going live, suspension (spine 6)."""

from collections.abc import Callable
from dataclasses import replace

import click

from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.output import Printer
from wardgate.cli.systems import (
    asid_argument,
    by_option,
    check_certifiable,
    directory_of,
    enrolled,
    own,
    own_of,
    role_of,
    said_by,
    step,
    urp_option,
)
from wardgate.directory import AccreditedSystem, onboarding
from wardgate.directory.onboarding import Enrolment, Evidence, EvidenceKind
from wardgate.directory.registering import approved, sets_known
from wardgate.directory.whole import check

note_option = click.option("--note", default="", help="A line that stays with the step.")
why_option = click.option("--why", required=True, metavar="TEXT", help="The reason, in one line; it stays with the step.")
sets_option = click.option("--message-set", "sets", multiple=True, metavar="NAME", help="A message set; several may be given. Without it, all that were asked for.")


@click.command()
@asid_argument
@click.option("--kind", type=click.Choice([kind.value for kind in EvidenceKind]), required=True, help="What the document is.")
@click.option("--reference", required=True, metavar="TEXT", help="Where it is kept: a number, a name or an address.")
@by_option
@wait_option
@with_world
def evidence(asid: str, kind: str, reference: str, by: str | None, wait: float, world: World, printer: Printer) -> None:
    """Note a document that was shown for a system."""
    found = own(world, asid)
    shown = Evidence(EvidenceKind(kind), reference)
    _done(world, printer, wait, asid, *step(world, found, lambda one: onboarding.give_evidence(one, shown, by=said_by(by), at=world.now)))


@click.command()
@asid_argument
@sets_option
@note_option
@by_option
@urp_option
@wait_option
@with_world
def approve(asid: str, sets: tuple[str, ...], note: str, by: str | None, urp: str | None, wait: float, world: World, printer: Printer) -> None:
    """Approve a system for message sets that it asked for: their interactions are attached to it. It may call once it is live."""
    found = own(world, asid)
    granted = sets or found.enrolment.asked

    def take(enrolment: Enrolment) -> Enrolment:
        return onboarding.approve(enrolment, granted, by=said_by(by), at=world.now, note=note)

    _done(world, printer, wait, asid, *step(world, found, take, _granting(world, urp, by)))


@click.command("go-live")
@asid_argument
@note_option
@by_option
@wait_option
@with_world
def go_live(asid: str, note: str, by: str | None, wait: float, world: World, printer: Printer) -> None:
    """Let an approved system call."""
    found = own(world, asid)
    _done(world, printer, wait, asid, *step(world, found, lambda one: onboarding.go_live(one, by=said_by(by), at=world.now, note=note)))


@click.command()
@asid_argument
@why_option
@by_option
@wait_option
@with_world
def suspend(asid: str, why: str, by: str | None, wait: float, world: World, printer: Printer) -> None:
    """Stop a system at once: its calls are refused on open connections too, and nobody finds it. Systems of the manifest as well."""
    found = enrolled(world, asid)
    _done(world, printer, wait, asid, *step(world, found, lambda one: onboarding.suspend(one, why, by=said_by(by), at=world.now)))


@click.command()
@asid_argument
@note_option
@by_option
@wait_option
@with_world
def resume(asid: str, note: str, by: str | None, wait: float, world: World, printer: Printer) -> None:
    """End a suspension: the system is as far as it was before."""
    found = enrolled(world, asid)
    _done(world, printer, wait, asid, *step(world, found, lambda one: onboarding.resume(one, by=said_by(by), at=world.now, note=note)))


@click.command()
@asid_argument
@click.option("--message-set", "sets", multiple=True, required=True, metavar="NAME", help="A message set that was not asked for yet; several may be given.")
@by_option
@wait_option
@with_world
def ask(asid: str, sets: tuple[str, ...], by: str | None, wait: float, world: World, printer: Printer) -> None:
    """Ask for more message sets for a system; what it has stays."""
    found = own(world, asid)
    known = {one.name for one in sets_known(sets)}
    if unknown := [one for one in sets if one not in known]:
        raise Failed(f"there is no message set {unknown[0]}: wardgate system message-sets")
    _done(world, printer, wait, asid, *step(world, found, lambda one: onboarding.ask_for_sets(one, sets, by=said_by(by), at=world.now)))


@click.command()
@asid_argument
@sets_option
@note_option
@by_option
@urp_option
@wait_option
@with_world
def grant(asid: str, sets: tuple[str, ...], note: str, by: str | None, urp: str | None, wait: float, world: World, printer: Printer) -> None:
    """Grant an approved or live system message sets that it asked for since."""
    found = own(world, asid)
    granted = sets or tuple(one for one in found.enrolment.asked if one not in found.enrolment.granted)

    def take(enrolment: Enrolment) -> Enrolment:
        return onboarding.grant(enrolment, granted, by=said_by(by), at=world.now, note=note)

    _done(world, printer, wait, asid, *step(world, found, take, _granting(world, urp, by)))


@click.command("send-back")
@asid_argument
@why_option
@by_option
@wait_option
@with_world
def send_back(asid: str, why: str, by: str | None, wait: float, world: World, printer: Printer) -> None:
    """Send a request back because its evidence does not do; the evidence stays."""
    found = own(world, asid)
    _done(world, printer, wait, asid, *step(world, found, lambda one: onboarding.ask_for_more(one, why, by=said_by(by), at=world.now)))


@click.command()
@asid_argument
@click.argument("fqdn")
@by_option
@wait_option
@with_world
def name(asid: str, fqdn: str, by: str | None, wait: float, world: World, printer: Printer) -> None:
    """State the name on the network of a system, such as one that was imported: its certificate carries it.

    Certificates of a former name are refused from then on; revoke them too.
    """
    directory = own_of(directory_of(world), asid).directory
    whole = directory.whole
    certifiable = check_certifiable(world, fqdn)

    def take(enrolment: Enrolment) -> Enrolment:
        after = onboarding.name(enrolment, certifiable, by=said_by(by), at=world.now)
        check(replace(whole, enrolments=(*(one for one in whole.enrolments if one.asid != asid), after)))
        return after

    _done(world, printer, wait, asid, *step(world, own(world, asid), take, judged=directory.generation))


def _granting(world: World, urp: str | None, by: str | None) -> Callable[[AccreditedSystem, Enrolment], AccreditedSystem]:
    """Return what a granting step makes of the entry: the interactions of the sets, and who approved them."""
    role, now = role_of(urp, by), world.now
    return lambda system, after: approved(onboarding.attach(system, after, sets_known(after.granted)), role=role, at=now)


def _done(world: World, printer: Printer, wait: float, asid: str, generation: int, after: Enrolment) -> None:
    moved = after.history[-1]
    data = {"asid": asid, "step": moved.step.value, "state": after.state.value, "by": moved.by, "at": moved.at.isoformat(timespec="seconds"),
            "asked": list(after.asked), "granted": list(after.granted), "fqdn": after.fqdn}
    confirm(world, printer, generation, wait, data, [f"{asid}: {moved.step.value} by {moved.by}; its state is {after.state.value}"])
