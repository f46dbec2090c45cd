"""Entries and enrolments of the system directory as sealed rows: role profiles are in them, and nobody without the store key plants one."""

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from wardgate.directory.attributes import CLASSES, ObjectClass
from wardgate.directory.entry import MODELS, Item, class_of, identifier_of
from wardgate.directory.onboarding import Enrolment, Evidence, EvidenceKind, Moved, State, Step
from wardgate.stores.sql.columns import from_micros, to_micros
from wardgate.stores.sql.context import Context


def key_of(identifier: str) -> str:
    """Return the key of an entry: identifiers are the same in any case of letters."""
    return identifier.lower()


def entry_row(context: Context, item: Item, generation: int) -> dict[str, Any]:
    """Return the row of a system or an endpoint."""
    identifier = identifier_of(item)
    sealed = context.seal(json.dumps(asdict(item)), f"directory_entries/sealed/{key_of(identifier)}")
    return {"id": key_of(identifier), "object_class": str(class_of(item)), "identifier": identifier, "party_key": item.party_key,
            "sealed": sealed, "generation": generation}


def item_of(context: Context, row: Row[Any]) -> Item:
    """Return the system or endpoint of a row that is not removed. Raises `WrongStoreKey`."""
    kind = ObjectClass(row.object_class)
    fields = json.loads(context.open(row.sealed, f"directory_entries/sealed/{row.id}"))
    many = {attribute.field for attribute in CLASSES[kind] if attribute.multi}
    values: dict[str, Any] = {name: tuple(value) if name in many else value for name, value in fields.items()}
    return MODELS[kind](**values)


def enrolment_row(context: Context, enrolment: Enrolment, generation: int) -> dict[str, Any]:
    """Return the row of an enrolment."""
    body = {
        "environment": enrolment.environment, "asked": enrolment.asked, "granted": enrolment.granted,
        "evidence": [(found.kind, found.reference) for found in enrolment.evidence],
        "history": [(moved.step, moved.by, to_micros(moved.at), moved.note) for moved in enrolment.history],
    }  # fmt: skip
    sealed = context.seal(json.dumps(body | {"state": enrolment.state, "fqdn": enrolment.fqdn}), f"directory_enrolments/sealed/{enrolment.asid}")
    return {"asid": enrolment.asid, "sealed": sealed, "generation": generation}


def enrolment_of(context: Context, row: Row[Any]) -> Enrolment:
    """Return the enrolment of a row. Raises `WrongStoreKey`."""
    body = json.loads(context.open(row.sealed, f"directory_enrolments/sealed/{row.asid}"))
    evidence = tuple(Evidence(EvidenceKind(kind), reference) for kind, reference in body["evidence"])
    history = tuple(Moved(Step(step), by, from_micros(at), note) for step, by, at, note in body["history"])
    return Enrolment(row.asid, body["environment"], State(body["state"]), tuple(body["asked"]), tuple(body["granted"]), evidence, history, body.get("fqdn"))
