"""The directory asked by `ldapsearch`: the recipes of spine 7.4, the tree, what of an entry is told, and pages."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from flows.ldap.serving import ORGANISATIONS, Served, content_of, many
from unit.directory.samples import (
    APPOINTMENTS,
    CONTENT,
    DIRECTORY,
    ENDPOINT,
    NATIONAL,
    PROVIDER,
    READ,
    ROLE,
    SLOTS,
    SYSTEM,
)
from wardgate.directory.entry import entry_of

SERVICES = "ou=Services,o=nhs"


def dn(identifier: str) -> str:
    """The name of an entry."""
    return f"uniqueIdentifier={identifier},{SERVICES}"


RECIPES = [
    ("1, a national API", f"(&(objectClass=nhsMhs)(nhsMhsPartyKey=YES-0000806)(nhsMhsSvcIA={READ}))", [NATIONAL.identifier]),
    ("2, the system of an organisation", f"(&(nhsIDCode=Z9X02)(objectClass=nhsAs)(nhsAsSvcIA={SLOTS}))", [PROVIDER.asid]),
    ("2, then its endpoint", f"(&(nhsMhsPartyKey=Z9X02-850002)(objectClass=nhsMhs)(nhsMhsSvcIA={SLOTS}))", [APPOINTMENTS.identifier]),
    ("3, the endpoint of an organisation", f"(&(nhsIDCode=Z9X02)(objectClass=nhsMhs)(nhsMhsSvcIA={SLOTS}))", [APPOINTMENTS.identifier]),
    ("3, then its system", "(&(nhsIDCode=Z9X02)(objectClass=nhsAs)(nhsMHSPartyKey=Z9X02-850002))", [PROVIDER.asid]),
    ("4, one's own ASID", f"(&(nhsIDCode=Z9X01)(objectClass=nhsAs)(nhsAsSvcIA={READ})(nhsMhsManufacturerOrg=Z9S99))", [SYSTEM.asid]),
    ("4, of another supplier", f"(&(nhsIDCode=Z9X01)(objectClass=nhsAs)(nhsAsSvcIA={READ})(nhsMhsManufacturerOrg=Z9S98))", []),
    ("5, who holds a record", f"(&(nhsIDCode=Z9X02)(objectClass=nhsMhs)(nhsMhsSvcIA={CONTENT}))", [ENDPOINT.identifier]),
    ("5, at the record's host", f"(&(nhsIDCode=Z9X02)(nhsMhsSvcIA={CONTENT})(nhsMhsFQDN=NRL-z9x02.example.thirdparty.nhs.uk))", [ENDPOINT.identifier]),
    ("6, by an ASID", "(&(uniqueIdentifier=200000100002)(objectClass=nhsAs))", [PROVIDER.asid]),
    ("a registered number of a class", "(&(objectClass=1.2.826.0.1285.0.2.0.107)(nhsIDCode=Z9X01))", [SYSTEM.asid]),
    ("parts of a value", "(nhsMhsFQDN=nrl-*.thirdparty.*.uk)", [ENDPOINT.identifier]),
    ("either of two", "(|(uniqueIdentifier=200000100001)(nhsMhsCPAId=S918999000001))", [SYSTEM.asid, ENDPOINT.identifier]),
    ("not of a class", "(&(!(objectClass=nhsMhs))(nhsIDCode=*))", [SYSTEM.asid, PROVIDER.asid]),
    ("an unknown attribute", "(!(colour=blue))", []),
    ("an ODS code in another case", "(nhsIDCode=z9x01)", []),
    ("an escaped value", r"(nhsIDCode=Z9X01\29\28objectClass=\2a)", []),
    ("everything is true", "(&)", None),
    ("everything is false", "(|)", []),
]  # fmt: skip


@pytest.mark.parametrize(("filter_", "found"), [row[1:] for row in RECIPES], ids=[row[0] for row in RECIPES])
def test_a_look_up(filter_: str, found: list[str] | None, served: Served) -> None:
    """Each recipe finds what it should, and nothing else."""
    names = [entry["dn"][0] for entry in served.ldapsearch(filter_, "1.1")]
    everything = [SERVICES, dn(SYSTEM.asid), dn(PROVIDER.asid), dn(APPOINTMENTS.identifier), dn(ENDPOINT.identifier), dn(NATIONAL.identifier)]
    assert names == (everything if found is None else [dn(one) for one in found])


def test_a_whole_entry(served: Served) -> None:
    """Every attribute it has, spelt and ordered as the schema says; empty ones are left out."""
    (found,) = served.ldapsearch("(uniqueIdentifier=s918999000001)")
    entry = entry_of(ENDPOINT)
    told = {name: list(values) for name, values in entry.values.items() if values != (ROLE,)}
    assert len(entry.values) - len(told) == 3
    assert found == {"dn": [entry.dn], "objectClass": ["top", "nhsMhs"], **told}


@pytest.mark.parametrize("filter_", [
    "(nhsRequestorURP=*)", f"(nhsApproverURP={ROLE})", "(NHSDNSApprover=*555*)", "(!(nhsApproverURP=x))", f"(&(nhsIDCode=Z9X02)(nhsApproverURP={ROLE}))",
])
def test_who_asked_and_approved_is_told_to_nobody(filter_: str, served: Served) -> None:
    """Role profiles are people's: they are in no entry, asked for by name or not, and no filter finds out about one."""
    assert served.ldapsearch(filter_) == []
    for asked in ([], ["*", "+"], ["nhsRequestorURP", "nhsApproverURP", "nhsDNSApprover"]):
        assert "555000000103" not in str(served.ldapsearch("(objectClass=*)", *asked))


@pytest.mark.parametrize(("base", "scope", "found"), [
    ("o=nhs", "base", ["o=nhs"]),
    ("O = NHS", "base", ["o=nhs"]),
    ("o=nhs", "one", ["ou=Organisations,o=nhs", "ou=People,o=nhs", SERVICES, "ou=ReferenceData,o=nhs", "ou=ChangeLog,o=nhs"]),
    ("ou=People,o=nhs", "sub", ["ou=People,o=nhs"]),
    ("ou=people,o=nhs", "one", []),
    ("ou=organisations,o=nhs", "one", [f"uniqueIdentifier={code},ou=Organisations,o=nhs" for code in sorted(ORGANISATIONS)]),
    ("uniqueIdentifier=z9x01,ou=Organisations,o=nhs", "sub", ["uniqueIdentifier=Z9X01,ou=Organisations,o=nhs"]),
    (dn("200000100001"), "base", [dn("200000100001")]),
    (dn("200000100001"), "one", []),
    (" uniqueIdentifier = S918999000001 , OU = services , o=nhs", "sub", [dn("S918999000001")]),
    (r"uniqueIdentifier=\32\30\30000100001,2.5.4.11=Services,o=nhs", "base", [dn("200000100001")]),
    ("cn=subschema", "sub", ["cn=Subschema"]),
    ("", "base", [""]),
])  # fmt: skip
def test_a_scope(base: str, scope: str, found: list[str], served: Served) -> None:
    """The entry itself, what is right below it, or all of it; names are compared as names."""
    assert [entry["dn"][0] for entry in served.ldapsearch("-s", scope, "(objectClass=*)", "1.1", base=base)] == found


def test_the_whole_tree(served: Served) -> None:
    """Containers, organisations with their names, then systems and endpoints."""
    found = served.ldapsearch("(objectClass=*)", base="o=nhs")
    assert len(found) == 1 + 5 + len(ORGANISATIONS) + 5
    assert {"dn": ["uniqueIdentifier=Z9X01,ou=Organisations,o=nhs"], "objectClass": ["top", "nhsOrg"], "uniqueIdentifier": ["Z9X01"],
            "nhsIDCode": ["Z9X01"], "o": ["Example Surgery"]} in found  # fmt: skip


@pytest.mark.parametrize(("base", "code"), [
    ("o=other", 32), ("ou=Services,o=other", 32), ("uniqueIdentifier=200000100009,ou=Services,o=nhs", 32), ("uniqueIdentifier=Z9X09,ou=Organisations,o=nhs", 32),
    ("cn=x,uniqueIdentifier=200000100001,ou=Services,o=nhs", 32), ("nonsense", 34), ("o=nhs,", 34), ("o=a+ou=b,o=nhs", 34), ("o=nhs;o=nhs", 34),
    (",".join(["o=nhs"] * 17), 34), ("o=" + "x" * 1_000, 34), ("", 32),
])  # fmt: skip
def test_no_such_base(base: str, code: int, served: Served) -> None:
    """What is not there is told apart from what is no name; of the root only itself is told."""
    assert served.ldapsearch("(objectClass=*)", base=base, code=code) == []


@pytest.mark.parametrize(("attributes", "told"), [
    (["*"], {"objectClass", "uniqueIdentifier", "nhsIDCode", "o"}),
    (["+"], {"entryDN", "subschemaSubentry", "structuralObjectClass"}),
    (["*", "+"], {"objectClass", "uniqueIdentifier", "nhsIDCode", "o", "entryDN", "subschemaSubentry", "structuralObjectClass"}),
    (["NHSIDCODE", "ENTRYdn"], {"nhsIDCode", "entryDN"}),
    (["0.9.2342.19200300.100.1.44"], {"uniqueIdentifier"}),
    (["colour"], set()),
    (["1.1"], set()),
    (["1.1", "o"], {"o"}),
])  # fmt: skip
def test_the_attributes_that_are_told(attributes: list[str], told: set[str], served: Served) -> None:
    """All of its own, all the server's, those that are named in any case or by number, or none."""
    (found,) = served.ldapsearch("(nhsIDCode=Z9X01)", *attributes, base="ou=Organisations,o=nhs")
    assert set(found) - {"dn"} == told


def test_names_of_attributes_only(served: Served) -> None:
    """With -A no value is told."""
    (found,) = served.ldapsearch("-A", "(nhsIDCode=Z9X01)", base="ou=Organisations,o=nhs")
    assert {name for name, values in found.items() if values == [""]} == {"objectClass", "uniqueIdentifier", "nhsIDCode", "o"}


@pytest.fixture(scope="module")
def crowded() -> Iterator[Served]:
    """A server with 1,600 endpoints."""
    with Served(content_of(many(1_600))).running() as one:
        yield one


@pytest.mark.parametrize(("arguments", "code", "count"), [
    ([], 4, 1_000),
    (["-z", "10"], 4, 10),
    (["-E", "pr=500/noprompt"], 0, 1_600),
    (["-E", "!pr=1600/noprompt"], 0, 1_600),
    (["-E", "pr=1/noprompt", "-z", "3"], 4, 3),
    (["-E", "pr=400/noprompt", "-z", "1000"], 4, 1_000),
])  # fmt: skip
def test_many_entries(arguments: list[str], code: int, count: int, crowded: Served) -> None:
    """A thousand at once, or all of them in pages; whatever is less says so. No entry comes twice."""
    found = crowded.ldapsearch(*arguments, "(objectClass=nhsMhs)", "1.1", code=code)
    assert len({entry["dn"][0] for entry in found}) == len(found) == count


def test_pages_show_one_moment() -> None:
    """A change between two pages changes none of them; the next search sees it."""
    with Served(content_of()).running() as one:
        before = one.ldapsearch("-E", "pr=1/noprompt", "(objectClass=*)", "1.1")
        one.content = content_of(replace(DIRECTORY, endpoints=()))
        assert (len(before), len(one.ldapsearch("(objectClass=*)", "1.1"))) == (6, 3)


@pytest.mark.parametrize(("arguments", "code"), [
    (["-D", "uid=1,ou=People,o=nhs", "-w", "secret"], 49),
    (["-P", "2"], 2),
    (["-e", "!1.2.3.4"], 12),
    (["(nhsIDCode>=Z9X01)"], 18),
    (["(nhsIDCode<=Z9X01)"], 18),
    (["(nhsIDCode~=Z9X01)"], 18),
    (["(nhsIDCode:caseExactMatch:=Z9X01)"], 18),
    (["(!" * 16 + "(objectClass=*)" + ")" * 16], 11),
    (["(|" + "(objectClass=*)" * 256 + ")"], 11),
    (["(nhsIDCode=" + "*".join("a" * 20) + ")"], 11),
    ([f"x{number}" for number in range(101)], 11),
])  # fmt: skip
def test_what_is_refused(arguments: list[str], code: int, served: Served) -> None:
    """A password, another version, an unknown critical control, other kinds of matches, what is too large: each with its own code."""
    plain = arguments if arguments[0].startswith(("-", "(")) else ["(objectClass=*)", *arguments]
    assert served.ldapsearch(*plain, code=code) == []


@pytest.mark.parametrize("filter_", ["(!" * 15 + "(objectClass=x)" + ")" * 15, "(|" + "(objectClass=x)" * 254 + "(objectClass=nhsAs))"])
def test_filters_up_to_the_limit(filter_: str, served: Served) -> None:
    """Sixteen levels, and 256 terms."""
    assert len(served.ldapsearch(filter_, "1.1")) >= 2
