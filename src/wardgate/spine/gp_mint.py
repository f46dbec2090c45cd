"""The claims of GP Connect's token, with the resources that it embeds (spine 2.4, 2.6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wardgate.spine import identifiers as ids
from wardgate.spine.errors import CannotMint
from wardgate.spine.gp_connect import OLD_AUDIENCE, scope_of
from wardgate.spine.gp_resources import SYSTEMS
from wardgate.spine.identifiers import Identifier
from wardgate.spine.interactions import Interaction
from wardgate.spine.variants import Variant, VariantName

UNKNOWN: str = "UNK"
"""What stands for a user id or role of somebody without a smartcard."""


@dataclass(frozen=True, slots=True)
class Device:
    """The calling system: an identifier of its own, product and version."""

    identifier: Identifier
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Practitioner:
    """The user. `id` is the caller's own, and becomes `sub`; `local` is the user in a system of the caller's own."""

    id: str = field(repr=False)
    family: str = field(repr=False)
    given: str = field(repr=False)
    local: Identifier = field(repr=False)
    prefix: str | None = None
    user_id: str = field(default=UNKNOWN, repr=False)
    role: str = field(default=UNKNOWN, repr=False)


@dataclass(frozen=True, slots=True)
class GPContext:
    """One call to a GP Connect provider. `record` is the NHS number that an old token's `requested_record` names."""

    issuer: str
    audience: str
    organisation: str
    organisation_name: str
    device: Device
    practitioner: Practitioner
    reason: str = "directcare"
    confidentiality: str = ""
    scope: str = ""
    """When empty, that of the interaction."""
    record: str | None = field(default=None, repr=False)


def gp_claims(variant: Variant, context: GPContext, issued: int, expires: int, interaction: Interaction | None) -> dict[str, Any]:
    """Return the claims in the published order. Raises `CannotMint` where neither a scope nor an interaction is named."""
    old = variant.name is VariantName.GP_CONNECT_0
    if not context.scope and interaction is None:
        raise CannotMint("requested_scope: name the scope, or the interaction it follows from")
    ods, user = SYSTEMS[old]
    claims: dict[str, Any] = {
        "iss": context.issuer, "sub": context.practitioner.id, "aud": OLD_AUDIENCE if old else context.audience,
        "exp": expires, "iat": issued, "reason_for_request": context.reason,
    }  # fmt: skip
    if old:
        claims["requested_record"] = _record(context)
    claims["requested_scope"] = context.scope or (scope_of(interaction, context.confidentiality) if interaction is not None else "")
    claims["requesting_device"] = {
        "resourceType": "Device", "identifier": [_identifier(context.device.identifier.system, context.device.identifier.value)],
        "model": context.device.model, "version": context.device.version,
    }  # fmt: skip
    claims["requesting_organization"] = {
        "resourceType": "Organization", "identifier": [_identifier(ods, context.organisation)], "name": context.organisation_name,
    }
    claims["requesting_practitioner"] = _practitioner(context.practitioner, user, old=old)
    return claims


def _practitioner(who: Practitioner, user_system: str, *, old: bool) -> Mapping[str, Any]:
    name: dict[str, Any] = {"family": [who.family] if old else who.family, "given": [who.given]}
    if who.prefix is not None:
        name["prefix"] = [who.prefix]
    identifiers = [_identifier(user_system, who.user_id), _identifier(ids.ROLE_SYSTEM, who.role), _identifier(who.local.system, who.local.value)]
    return {"resourceType": "Practitioner", "id": who.id, "identifier": identifiers, "name": name if old else [name]}


def _record(context: GPContext) -> Mapping[str, Any]:
    if context.record is None:
        return {"resourceType": "Organization", "identifier": [_identifier(ids.OLD_ODS_SYSTEM, context.organisation)]}
    return {"resourceType": "Patient", "identifier": [_identifier(ids.SPINE_NHS_NUMBER, context.record)]}


def _identifier(system: str, value: str) -> Mapping[str, str]:
    return {"system": system, "value": value}
