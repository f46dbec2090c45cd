"""Entries: the schema's rules of single systems and endpoints, and the way from models to attributes and back."""

import re
from typing import Any

import pytest
from hypothesis import given

from unit.directory.samples import ENDPOINT, ENDPOINTS, PATIENT, ROLE, SYSTEM, SYSTEMS
from wardgate.directory import AccreditedSystem, Endpoint
from wardgate.directory.attributes import CLASSES, EXACT, ObjectClass
from wardgate.directory.entry import MAX_VALUES, MODELS, entry_of, read_entry
from wardgate.directory.errors import InvalidEntries

MUST = {
    ObjectClass.SYSTEM: {"uniqueIdentifier", "nhsIDCode", "nhsMHSPartyKey", "nhsAsSvcIA", "nhsRequestorURP", "nhsDateRequested",
                         "nhsApproverURP", "nhsDateApproved"},
    ObjectClass.ENDPOINT: {"uniqueIdentifier", "nhsIDCode", "nhsMHSPartyKey", "nhsMhsSvcIA", "nhsMhsSN", "nhsMhsIN", "nhsMHSEndPoint",
                           "nhsMHSIsAuthenticated", "nhsMhsCPAId", "nhsProductKey", "nhsRequestorURP", "nhsDateRequested", "nhsApproverURP",
                           "nhsDateApproved", "nhsDNSApprover", "nhsDateDNSApproved", "nhsEPInteractionType",
                           "nhsContractPropertyTemplateKey", "nhsMhsFQDN"},
}  # fmt: skip


@pytest.mark.parametrize("kind", ObjectClass)
def test_the_must_lists(kind: ObjectClass) -> None:
    """The attributes that an entry must have are those of spine 7.2, and every attribute is a field of the model."""
    assert {row.name for row in CLASSES[kind] if row.must} == MUST[kind]
    assert {row.field for row in CLASSES[kind]} == set(MODELS[kind].__dataclass_fields__)


def test_case_rules() -> None:
    """The attributes that are matched with their case are those of spine 7.3."""
    assert {name for name, exact in EXACT.items() if exact} == {"nhsidcode", "nhsassvcia", "nhsmhssvcia", "nhsmhsendpoint"}


@PATIENT
@given(SYSTEMS | ENDPOINTS)
def test_there_and_back(item: AccreditedSystem | Endpoint) -> None:
    """What becomes an entry comes back as it was, whatever the case of the attributes' names."""
    entry = entry_of(item)
    assert read_entry(entry.object_class, entry.values) == item
    assert read_entry(entry.object_class, {name.upper(): values for name, values in entry.values.items()}) == item


@pytest.mark.parametrize("kind", ObjectClass)
def test_every_must_is_asked_for(kind: ObjectClass) -> None:
    """An entry without one of them is refused with the name of entry and attribute."""
    values = entry_of(SYSTEM if kind is ObjectClass.SYSTEM else ENDPOINT).values
    for name in MUST[kind] - {"uniqueIdentifier"}:
        with pytest.raises(InvalidEntries) as refused:
            read_entry(kind, {other: found for other, found in values.items() if other != name})
        expected = next(row.form.said for row in CLASSES[kind] if row.name == name)
        assert str(refused.value) == f"uniqueIdentifier={values['uniqueIdentifier'][0]}: {name}: expected {expected}; received nothing"


SYSTEM_FAULTS: list[tuple[str, list[str], str]] = [
    ("uniqueIdentifier", ["20000010001"], "expected an ASID, 12 digits; received '20000010001'"),
    ("uniqueIdentifier", ["٢00000100001"], "expected an ASID, 12 digits; received '٢00000100001'"),
    ("nhsIDCode", ["Z9X01", "Z9X02"], "expected one value; received 2 values"),
    ("nhsIDCode", ["Z9-01"], "expected an ODS code, 1 to 9 letters and digits; received 'Z9-01'"),
    ("nhsMHSPartyKey", ["Z9X01-1234"], "expected an ODS code, a hyphen and 5 to 9 digits; received 'Z9X01-1234'"),
    ("nhsAsSvcIA", ["urn a"], "expected an interaction id, 1 to 300 visible characters; received 'urn a'"),
    ("nhsAsClient", ["z9x01", "Z9X01"], "expected each value once; received 'Z9X01' twice"),
    ("nhsDateApproved", ["20261301000000"], "expected YYYYMMDDhhmmss, 14 digits; received '20261301000000'"),
    ("nhsDateApproved", ["2026 101000000"], "expected YYYYMMDDhhmmss, 14 digits; received '2026 101000000'"),
    ("nhsProductName", [" x"], "expected one line of text, without spaces around it; received ' x'"),
    ("nhsProductName", ["a\nb"], "expected one line of text, without spaces around it; received 'a�b'"),
    ("nhsProductName", [""], "expected one line of text, without spaces around it; received ''"),
    ("nhsAsSvcIA", ["x"] * (MAX_VALUES + 1), f"expected at most {MAX_VALUES} values; received {MAX_VALUES + 1} values"),
]
ENDPOINT_FAULTS: list[tuple[str, list[str], str]] = [
    ("uniqueIdentifier", ["X1"], "expected S and digits, or 20 hexadecimal digits; received 'X1'"),
    ("nhsMHSEndPoint", ["http://a.nhs.uk/"], "expected an https URL without user and of at most 498 characters; received 'http://a.nhs.uk/'"),
    ("nhsMHSEndPoint", ["https://u@a.nhs.uk/"], "expected an https URL without user and of at most 498 characters; received 'https://u@a.nhs.uk/'"),
    ("nhsMHSEndPoint", ["https://[a.nhs.uk"], "expected an https URL without user and of at most 498 characters; received 'https://[a.nhs.uk'"),
    ("nhsMHSEndPoint", ["https://10.0.0.1/"], "expected an https URL without user and of at most 498 characters; received 'https://10.0.0.1/'"),
    ("nhsMhsFQDN", ["*.nhs.uk"], "expected a domain name; received '*.nhs.uk'"),
    ("nhsMHSIsAuthenticated", ["None"], "expected one of none, transient, persistent; received 'None'"),
    ("nhsEPInteractionType", ["fhir"], "expected one of FHIR, HL7, EBXML, N/A; received 'fhir'"),
    ("nhsMHSSyncReplyMode", ["none"], "expected one of None, never, MSHSignalsOnly, SignalsAndResponse; received 'none'"),
    ("nhsMHSAckRequested", ["sometimes"], "expected one of always, never; received 'sometimes'"),
    ("nhsMHSPersistDuration", ["P"], "expected an ISO 8601 duration such as PT5M; received 'P'"),
    ("nhsMHSPersistDuration", ["PT"], "expected an ISO 8601 duration such as PT5M; received 'PT'"),
    ("nhsMHSRetries", ["-1"], "expected a number of at most 4 digits; received '-1'"),
    ("nhsMhsIPAddress", ["fe80::1%eth0"], "expected an IP address; received 'fe80::1%eth0'"),
]


@pytest.mark.parametrize(("item", "attribute", "values", "message"), [
    *((SYSTEM, *row) for row in SYSTEM_FAULTS), *((ENDPOINT, *row) for row in ENDPOINT_FAULTS),
])  # fmt: skip
def test_refused_values(item: Any, attribute: str, values: list[str], message: str) -> None:
    """Each value that breaks a rule is told of with its entry, its attribute, what was expected and what came."""
    entry = entry_of(item)
    with pytest.raises(InvalidEntries, match=re.escape(f": {attribute}: {message}")):
        read_entry(entry.object_class, dict(entry.values) | {attribute: values})


def test_role_profiles_are_never_repeated() -> None:
    """Who asked and who approved are role profiles: neither a message nor `repr` shows them."""
    with pytest.raises(InvalidEntries) as refused:
        read_entry(ObjectClass.SYSTEM, dict(entry_of(SYSTEM).values) | {"nhsApproverURP": [ROLE + ",x=555000000101"]})
    assert "received another text of 107 characters" in str(refused.value)
    assert "5550000" not in str(refused.value) + repr(SYSTEM) + repr(ENDPOINT)


def test_other_attributes_are_refused() -> None:
    """What the class does not have is not dropped in silence."""
    with pytest.raises(InvalidEntries, match="'nhsmhsfqdn': expected an attribute of nhsAs; received another one"):
        read_entry(ObjectClass.SYSTEM, dict(entry_of(SYSTEM).values) | {"nhsMhsFQDN": ["a.nhs.uk"]})


def test_the_distinguished_name() -> None:
    """Entries are below the services."""
    assert entry_of(SYSTEM).dn == "uniqueIdentifier=200000100001,ou=Services,o=nhs"
