"""One system of the directory, as the commands find it, take a step with it, and tell of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from wardgate.audit.model import Event
from wardgate.cli.context import World, operator
from wardgate.cli.failures import Failed
from wardgate.directory import AccreditedSystem, Endpoint, System
from wardgate.directory.events import stepped
from wardgate.directory.forms import ROLE_DN
from wardgate.directory.onboarding import Enrolment
from wardgate.directory.registering import role_dn
from wardgate.directory.stated import Stated, standing, stated
from wardgate.manifest.documents import ENVIRONMENT
from wardgate.pki.errors import NameRefused
from wardgate.pki.names import NameRules, check_name
from wardgate.server.whole_directory import WholeDirectory, read_directory
from wardgate.stores.ports import DirectoryChange

by_option = click.option("--by", default=None, metavar="NAME", help="Who takes the step; without it, this machine's account.")
urp_option = click.option(
    "--urp", default=None, metavar="DN", help="The role profile of who takes the step, as the directory names it: uniqueIdentifier=…,uniqueIdentifier=…,uid=…,ou=people,o=nhs.",
)
asid_argument = click.argument("asid", metavar="ASID")
_OF_MANIFEST: Final = "the system {} is the manifest's: change it there, then wardgate manifest apply"


@dataclass(frozen=True, slots=True)
class Found:
    """A system with all that goes with it."""

    directory: WholeDirectory
    system: AccreditedSystem
    enrolment: Enrolment
    stated: Stated | None
    """Where it is the manifest's."""

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Those of its party key."""
        key = self.system.party_key.lower()
        return tuple(found for found in self.directory.whole.endpoints if found.party_key.lower() == key)

    @property
    def names(self) -> tuple[str, ...]:
        """The names on the network that its certificate may carry: its own first."""
        own = (self.enrolment.fqdn,) if self.enrolment.fqdn is not None else ()
        return tuple(dict.fromkeys(name.lower() for name in (*own, *(found.fqdn for found in self.endpoints))))


def directory_of(world: World) -> WholeDirectory:
    """Return the whole directory of an installation."""
    return read_directory(world.stores, world.manifest()[1])


def found_of(directory: WholeDirectory, asid: str) -> Found:
    """Return a system. Raises `Failed` when there is none."""
    system = next((one for one in directory.whole.systems if one.asid == asid), None)
    enrolment = next((one for one in directory.whole.enrolments if one.asid == asid), None)
    if system is None or enrolment is None:
        raise Failed(f"there is no system with ASID {asid}: wardgate system list")
    return Found(directory, system, enrolment, next((one for one in directory.stated if one.asid == asid), None))


def own_of(directory: WholeDirectory, asid: str) -> Found:
    """Return a system that was registered or imported. Raises `Failed` for one of the manifest, which is changed there."""
    found = found_of(directory, asid)
    if found.stated is not None:
        raise Failed(_OF_MANIFEST.format(asid))
    return found


def told() -> dict[str, str]:
    """Return what events of steps say beside the step."""
    return {"by": "command line", "operator": operator()}


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A system and how far it is, without the rest of the directory: a suspension waits for nothing else."""

    system: AccreditedSystem
    enrolment: Enrolment
    kept: Enrolment | None
    """As the store has it; None: nothing was said of a system of the manifest before."""
    of_manifest: bool


def enrolled(world: World, asid: str) -> Enrolled:
    """Return a system. Raises `Failed` when there is none. Fast, however many there are."""
    store, document = world.stores.system_directory, world.stores.documents.get("systems", asid)
    entry, kept = store.entry(asid), store.enrolment(asid)
    if isinstance(entry, AccreditedSystem) and kept is not None:
        return Enrolled(entry, kept, kept, of_manifest=False)
    found = stated(System.model_validate(document.body), _environment(world)) if document is not None else None
    if found is None or found.system is None:
        raise Failed(f"there is no system with ASID {asid}: wardgate system list")
    return Enrolled(found.system, standing(found, kept), kept, of_manifest=True)


def own(world: World, asid: str) -> Enrolled:
    """Return a system that was registered or imported. Raises `Failed` for one of the manifest, which is changed there."""
    found = enrolled(world, asid)
    if found.of_manifest:
        raise Failed(_OF_MANIFEST.format(asid))
    return found


def step(
    world: World, found: Enrolled, take: Callable[[Enrolment], Enrolment], change: Callable[[AccreditedSystem, Enrolment], AccreditedSystem] | None = None,
    judged: int | None = None,
) -> tuple[int, Enrolment]:
    """Take one step with a system, and store it with the event. Raises `WrongStep`, `InvalidEntries` and `Superseded`.

    `judged`: the generation of the directory beside whose entries the step was held.
    """
    store = world.stores.system_directory
    seen = world.stores.generation.current()
    after = take(found.kept or found.enrolment)
    event: Event = stepped(after, told())
    if found.kept is None:
        return store.write(DirectoryChange(enrolments=(after,)), event, seen), after
    return store.step(found.kept, after, event, change(found.system, after) if change is not None else None, seen=judged), after


def _environment(world: World) -> str:
    document = world.stores.documents.get(ENVIRONMENT, ENVIRONMENT)
    return str(document.body["name"]) if document is not None else ENVIRONMENT


def said_by(by: str | None) -> str:
    """Return who takes a step."""
    return by or operator()


def role_of(urp: str | None, by: str | None) -> str:
    """Return the role profile of who takes a step, or a name of ours for one who has none."""
    if urp is not None and not ROLE_DN.holds(urp):
        raise click.UsageError(f"--urp is a role profile in the directory: {ROLE_DN.said}")
    return urp if urp is not None else role_dn(said_by(by))


def check_certifiable(world: World, fqdn: str) -> str:
    """Return a name that this environment issues certificates for, and no application has, in lower case. Raises `Failed`."""
    try:
        check_name(fqdn.lower(), NameRules(world.settings.client_certificate_suffixes, reserved=frozenset({world.settings.relay_name})))
    except NameRefused as refused:
        raise Failed(f"--fqdn: expected {refused.expected}; received {refused.received}") from None
    check_unclaimed(world, fqdn)
    return fqdn.lower()


def check_unclaimed(world: World, fqdn: str) -> None:
    """A certificate of the name would be an application's as well as the system's. Raises `Failed` for an application's name."""
    owner = next((found.name for found in world.manifest()[1].applications if found.tls_client_auth_san_dns == fqdn.lower()), None)
    if owner is not None:
        raise Failed(f"{fqdn.lower()} is the certificate name of the application {owner}: its certificate would be the system's too")


def data_of(found: Found) -> Mapping[str, Any]:
    """Return a system as data. Who asked for it and approved it are in its history by name, never as role profiles."""
    system, enrolment = found.system, found.enrolment
    return {
        "asid": system.asid, "organisation": system.organisation, "party_key": system.party_key, "state": enrolment.state.value,
        "product": system.product_name, "manufacturer": system.manufacturer, "clients": list(system.clients), "fqdn": enrolment.fqdn,
        "certificate_names": list(found.names), "interactions": list(system.interactions), "asked": list(enrolment.asked), "granted": list(enrolment.granted),
        "source": "manifest" if found.stated is not None else "registered", "environment": enrolment.environment,
        "endpoints": [endpoint_data(one) for one in found.endpoints],
        "evidence": [{"kind": one.kind.value, "reference": one.reference} for one in enrolment.evidence],
        "history": [{"step": one.step.value, "by": one.by, "at": one.at.isoformat(timespec="seconds"), "note": one.note} for one in enrolment.history],
    }  # fmt: skip


def endpoint_data(found: Endpoint) -> dict[str, Any]:
    """Return an endpoint as data."""
    return {"cpa_id": found.cpa_id, "interaction": found.interaction, "urls": list(found.urls), "fqdn": found.fqdn, "organisation": found.organisation,
            "party_key": found.party_key, "type": found.interaction_type}
