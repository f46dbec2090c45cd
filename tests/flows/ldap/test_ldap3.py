"""The directory asked by ldap3, the client that Spine's own look-up code uses: schema, pages, recipes, and what it is refused."""

import json
import subprocess
import sys
from typing import Any

from flows.ldap.serving import SECONDS, Served, content_of, many
from unit.directory.samples import APPOINTMENTS, PROVIDER, SLOTS, SYSTEM

BEGIN = """
import json, ldap3
server = ldap3.Server("127.0.0.1", {port}, get_info=ldap3.ALL)
connection = ldap3.Connection(server, auto_bind=True, raise_exceptions=False)
def ask(filter_, *attributes, **how):
    connection.search("ou=services,o=nhs", filter_, ldap3.SUBTREE, attributes=list(attributes) or ldap3.NO_ATTRIBUTES, **how)
    return [dict(entry["attributes"]) | {{"dn": entry["dn"]}} for entry in connection.response if entry["type"] == "searchResEntry"]
"""


def run(port: int, script: str) -> Any:
    """Run a script with ldap3, whose imports warn, in a process of its own; it prints JSON."""
    done = subprocess.run([sys.executable, "-c", BEGIN.format(port=port) + script], capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_schema(served: Served) -> None:
    """ldap3 reads the root, the schema and its classes with their numbers, and holds what it asks for against them."""
    found = run(served.port, """
classes = server.schema.object_classes
print(json.dumps({
    "context": server.info.naming_contexts, "controls": [one[0] for one in server.info.supported_controls],
    "oids": {name: classes[name].oid for name in ("nhsAs", "nhsMhs", "nhsPerson", "nhsOrgPersonRole")},
    "must": classes["nhsAs"].must_contain, "may": classes["nhsAs"].may_contain,
    "single": [server.schema.attribute_types[name].single_value for name in ("nhsIDCode", "nhsAsSvcIA")],
    "match": [server.schema.attribute_types[name].equality for name in ("nhsIDCode", "nhsMHSPartyKey")],
}))""")
    assert found == {
        "context": ["o=nhs"], "controls": ["1.2.840.113556.1.4.319"],
        "oids": {"nhsAs": "1.2.826.0.1285.0.2.0.107", "nhsMhs": "1.2.826.0.1285.0.2.0.108", "nhsPerson": "1.2.826.0.1285.0.2.0.65", "nhsOrgPersonRole": "1.2.826.0.1285.0.2.0.67"},
        "must": ["uniqueIdentifier", "nhsIDCode", "nhsMHSPartyKey", "nhsAsSvcIA", "nhsRequestorURP", "nhsDateRequested", "nhsApproverURP", "nhsDateApproved"],
        "may": ["nhsAsClient", "nhsMhsManufacturerOrg", "nhsAsACF", "nhsAsCategoryBag", "nhsProductKey", "nhsProductName", "nhsProductVersion", "description"],
        "single": [True, False], "match": [["caseExactMatch"], ["caseIgnoreMatch"]],
    }  # fmt: skip


def test_the_brokered_recipe(served: Served) -> None:
    """Recipe 3 of spine 7.4: the endpoint by organisation and interaction, then the ASID by organisation and party key."""
    found = run(served.port, f"""
(endpoint,) = ask("(&(nhsIDCode=Z9X02)(objectClass=nhsMhs)(nhsMhsSvcIA={SLOTS}))", "nhsMHSEndPoint", "nhsMHSPartyKey")
(system,) = ask(f"(&(nhsIDCode=Z9X02)(objectClass=nhsAs)(nhsMHSPartyKey={{endpoint['nhsMHSPartyKey']}}))", "uniqueIdentifier")
print(json.dumps([endpoint["nhsMHSEndPoint"], system["uniqueIdentifier"]]))""")
    assert found == [list(APPOINTMENTS.urls), [PROVIDER.asid]]


def test_pages_and_the_whole(served: Served) -> None:
    """ldap3's own generator goes through 1,600 entries, page by page, and finds each once."""
    with Served(content_of(many(1_600))).running() as crowded:
        found = run(crowded.port, """
pages = connection.extend.standard.paged_search("ou=services,o=nhs", "(objectClass=nhsMhs)", attributes=["nhsMHSPartyKey"], paged_size=500, generator=True)
print(json.dumps([entry["dn"] for entry in pages]))""")
    assert len(set(found)) == len(found) == 1_600


def test_what_is_not_offered(served: Served) -> None:
    """Every change is refused with the code that says so, and nothing has changed."""
    found = run(served.port, f"""
name, other = "uniqueIdentifier={SYSTEM.asid},ou=Services,o=nhs", "uniqueIdentifier=200000100009"
tries = {{
    "modify": lambda: connection.modify(name, {{"description": [(ldap3.MODIFY_ADD, ["x"])]}}),
    "add": lambda: connection.add(f"{{other}},ou=Services,o=nhs", "nhsAs", {{"nhsIDCode": "Z9X01"}}),
    "delete": lambda: connection.delete(name), "rename": lambda: connection.modify_dn(name, other),
    "compare": lambda: connection.compare(name, "nhsIDCode", "Z9X01"), "extended": lambda: connection.extended("1.2.3"),
    "bind": lambda: connection.rebind(user="uid=1,ou=People,o=nhs", password="secret"),
}}
codes = {{}}
for what, does in tries.items():
    does()
    codes[what] = connection.result["result"]
connection = ldap3.Connection(server, auto_bind=True)
print(json.dumps([codes, len(ask("(uniqueIdentifier={SYSTEM.asid})", "description"))]))""")
    assert found == [{"modify": 53, "add": 53, "delete": 53, "rename": 53, "compare": 53, "extended": 2, "bind": 49}, 1]
