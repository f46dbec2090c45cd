"""Who is behind a call between systems: a role, a person of the manifest, a patient, or nobody."""

from dataclasses import dataclass

import click

from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.client import Device, Identifier, Practitioner, SpineContext
from wardgate.identities import User
from wardgate.security_patterns.snapshot import CallingSystem

LOCAL_USERS = "Id/user-id"


@dataclass(frozen=True, slots=True)
class Behind:
    """What the options say. Of role and user, patient, and unattended, one kind."""

    role: str | None
    user: str | None
    patient: str | None
    unattended: bool

    def check(self) -> None:
        """Raise `click.UsageError` unless one kind of caller is named."""
        kinds = [self.role is not None or self.user is not None, self.patient is not None, self.unattended]
        if sum(kinds) != 1:
            raise click.UsageError("say who is behind the call: --role URID, --user NAME, --patient NHS_NUMBER or --unattended")


def context_of(
    world: World, behind: Behind, asid: str, issuer: str, organisation: str, reason: str | None, *, gp_connect: bool
) -> SpineContext:
    """Return the context of a call. Raises `Failed` for a person that the manifest does not have, or who does not fit."""
    user = _user(world, behind.user) if behind.user is not None else None
    role, patient = behind.role, behind.patient
    if user is not None and user.worker is not None:
        role = role or _role(user)
    elif user is not None and user.patient is not None:
        if user.patient.nhs_number is None:
            raise Failed(f"the user {user.username} has no NHS number in the manifest")
        patient = user.patient.nhs_number
    if not gp_connect:
        return SpineContext(asid, issuer, organisation, role=role, patient=patient, reason=reason)
    if user is None or user.worker is None:
        raise Failed("GP Connect's token names the user with family and given name: --user NAME, a healthcare worker of the manifest")
    names = {one.ods: one.name for one in world.manifest()[1].organisations}
    product = next((one.product for one in world.manifest()[1].systems if one.asid == asid), "") or "wardgate"
    practitioner = Practitioner(user.username, user.family_name or "UNK", user.given_name or "UNK", Identifier(f"{issuer}/{LOCAL_USERS}", user.username),
                                user.worker.title or None, user_id=user.username, role=role or "UNK")
    return SpineContext(asid, issuer, organisation, reason=reason, organisation_name=names.get(organisation, organisation),
                        device=Device(Identifier(f"{issuer}/Id/device", asid), product, "1"), practitioner=practitioner)


def organisation_of(system: CallingSystem | None, said: str | None) -> str:
    """Return the organisation that the call is for: the one said, else the system's own, or the one it acts for."""
    if said is not None:
        return said
    if system is None:
        raise Failed("the directory here does not know this ASID: name the organisation with --organisation")
    return system.organisation if system.organisation in system.acts_for else min(system.acts_for, default=system.organisation)


def _user(world: World, name: str) -> User:
    found = next((one for one in world.manifest()[1].users if one.username == name), None)
    if found is None:
        raise Failed(f"there is no user {name} in the manifest: wardgate user list")
    return found


def _role(user: User) -> str:
    assert user.worker is not None  # noqa: S101 - the caller asked
    roles = [role.person_roleid for role in user.worker.roles]
    if user.worker.selected_role is not None:
        return user.worker.selected_role
    if len(roles) != 1:
        raise Failed(f"the user {user.username} has {len(roles)} roles: name one with --role")
    return roles[0]
