"""The grammar of interaction ids, and the catalogue (spine 4.1, 4.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.spine.errors import UnknownInteraction
from wardgate.spine.interaction_catalogue import INTERACTIONS, endpoint_interaction, find, message_sets
from wardgate.spine.interactions import PREFIX, Name, Style, Verb, parse, text_of

PARTS = (
    ("raflags:Consent.read:1", Name(Style.SPINE, "raflags", "Consent", "read", major="1")),
    ("nrl:DocumentReference.search", Name(Style.SPINE, "nrl", "DocumentReference", "search")),
    ("nrl:DocumentReference.content.read", Name(Style.SPINE, "nrl", "DocumentReference.content", "read")),
    ("nrl:DocumentReference.content", Name(Style.SPINE, "nrl", "DocumentReference.content", "")),
    ("nrls:fhir:rest:create:documentreference", Name(Style.FHIR, "nrls", "documentreference", "create")),
    ("gpconnect:documents:fhir:rest:migrate:binary-1", Name(Style.FHIR, "gpconnect", "binary", "migrate", "documents", "1")),
    ("gpconnect:fhir:operation:gpc.registerpatient-1", Name(Style.FHIR, "gpconnect", "gpc.registerpatient", "operation", major="1")),
    ("gpconnect:fhir:operation:gpc.getcarerecord", Name(Style.FHIR, "gpconnect", "gpc.getcarerecord", "operation")),
    ("gpconnect:fhir:rest:search:patient_appointments-1", Name(Style.FHIR, "gpconnect", "patient_appointments", "search", major="1")),
    ("events:pds-change-of-gp-1.Write", Name(Style.EVENT, "events", "pds-change-of-gp-1", "Write")),
    ("clinicals-sync:SubscriptionsApiDelete", Name(Style.SUBSCRIPTION, "clinicals-sync", "SubscriptionsApi", "Delete")),
    ("visitorsandmigrants:fhir:rest:search:observation:1", Name(Style.FHIR, "visitorsandmigrants", "observation", "search", major="1")),
)


@pytest.mark.parametrize(("text", "name"), PARTS)
def test_the_parts_of_an_id(text: str, name: Name) -> None:
    """Taken apart, and put together again."""
    assert parse(PREFIX + text) == name
    assert text_of(name) == PREFIX + text


@pytest.mark.parametrize("text", INTERACTIONS)
def test_the_catalogue_follows_the_grammar(text: str) -> None:
    """Every id is what its parts make, and is found by itself only."""
    assert text_of(parse(text)) == text
    assert find(text) is INTERACTIONS[text]
    with pytest.raises(UnknownInteraction):
        find(text + " ")


@pytest.mark.parametrize("text", [
    "", "urn:nhs:names:services:", "raflags:Flag.read:1", PREFIX + "raflags", PREFIX + "raflags:Flag.read:", PREFIX + "raflags:Flag.read:1:2", PREFIX + "RAFLAGS:Flag.read:1",
    PREFIX + "raflags:Flag.read:one", PREFIX + "raflags:Flag.read:1\n", PREFIX + "gpconnect:fhir:rest:read", PREFIX + "raflags:Fl\u0430g.read:1", PREFIX + "raflags:Flag.read:1 ",
    PREFIX + "events:.Write", PREFIX + "a" * 400, PREFIX + "raflags:Flag.read:1,urn:x",
])  # fmt: skip
def test_what_is_no_id(text: str) -> None:
    """Refused without being repeated."""
    with pytest.raises(UnknownInteraction) as refused:
        parse(text)
    assert not text or text not in str(refused.value)


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    """An id that can be taken apart can be put together; all else is refused."""
    try:
        name = parse(PREFIX + text)
    except UnknownInteraction:
        return
    assert parse(text_of(name)) == name


def test_unknown_services() -> None:
    """A sound id of no service of ours is refused, an event of any code is known."""
    with pytest.raises(UnknownInteraction):
        find(PREFIX + "raflags:Flag.read:2")
    event = find(PREFIX + "events:birth-notification-1.Write")
    assert (event.service, event.message_set, event.verb, event.scopes, event.writes) == ("events", "events", Verb.PUBLISH, ("patient/Bundle.write",), True)


@pytest.mark.parametrize(("text", "scopes"), [
    ("raflags:Consent.write:1", "user/Consent.write"), ("raflags:Flag.read:1", "user/Flag.read"), ("raflags:Condition.read:1", "user/Condition.read"),
    ("raflags:removerarecord.write:1", "user/Consent.write user/Flag.write user/List.write"), ("raflags:removeflag.write:1", "user/Consent.write user/Flag.write user/List.write"),
    ("nrl:DocumentReference.search", "patient/DocumentReference.read"), ("nrl:DocumentReference.update", "patient/DocumentReference.write"),
    ("nrl:DocumentReference.content.read", "patient/*.read"), ("clinicals-sync:SubscriptionsApiPost", "patient/Subscription.write"),
    ("clinicals-sync:SubscriptionsApiGet", "patient/Subscription.read"), ("gpconnect:fhir:rest:read:metadata-1", "organization/*.read"),
    ("gpconnect:fhir:rest:search:slot-1", "organization/*.read"), ("gpconnect:fhir:rest:cancel:appointment-1", "patient/*.write"),
    ("gpconnect:fhir:operation:gpc.registerpatient-1", "patient/*.write"), ("gpconnect:fhir:operation:gpc.getstructuredrecord-1", "patient/*.read"),
    ("gpconnect:fhir:rest:search:patient_appointments-1", "patient/*.read"), ("careconnect:fhir:rest:create:appointment", ""),
])
def test_scopes(text: str, scopes: str) -> None:
    """What a token needs (spine 2.5)."""
    assert " ".join(find(PREFIX + text).scopes) == scopes


def test_message_sets() -> None:
    """Every interaction is in one set; GP Connect's are those of its registration."""
    sets = message_sets()
    assert sum(len(rows) for rows in sets.values()) == len(INTERACTIONS) == 59
    assert {name for name in sets if name.startswith("GP")} == {
        "GPConnect-Foundations-1", "GPConnect-Appointments-1", "GPConnect-StructuredRecord-1", "GPConnect-Documents-1", "GPC Access Record", "GPC Foundations"}
    assert {row.service for row in sets["GPConnect-Documents-1"]} == {"gpconnect"}
    assert len(sets["raflags"]) == 10


def test_ids_at_the_endpoint() -> None:
    """Retrieval is registered without its verb; every other id is sent as it is registered."""
    changed = {text: endpoint_interaction(text) for text in INTERACTIONS if endpoint_interaction(text) != text}
    assert changed == {PREFIX + "nrl:DocumentReference.content.read": PREFIX + "nrl:DocumentReference.content"}
    assert set(changed.values()) <= set(INTERACTIONS)
