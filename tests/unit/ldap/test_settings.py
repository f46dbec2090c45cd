"""Limits of the LDAP face, and the schema it tells."""

import re
from dataclasses import fields

import pytest

from wardgate.directory.attributes import CLASSES, OIDS
from wardgate.ldap import LDAPSettings, schema


@pytest.mark.parametrize("name", [one.name for one in fields(LDAPSettings)])
def test_a_limit_of_nothing(name: str) -> None:
    """Stops the program."""
    with pytest.raises(ValueError, match="expected limits above 0"):
        LDAPSettings(**{name: 0})


def test_the_schema_has_every_attribute_and_class_once() -> None:
    """Each attribute that a class names is described, under one name and one number."""
    named = [re.match(r"\( (\S+) NAME '(\S+)' ", line) for line in (*schema.ATTRIBUTE_TYPES, *schema.OBJECT_CLASSES)]
    found = [match.groups() for match in named if match is not None]
    assert len(found) == len(named) == len({number for number, _ in found}) == len({name.lower() for _, name in found})
    described = {name for _, name in found}
    lists = [names for line in schema.OBJECT_CLASSES for names in re.findall(r"(?:MUST|MAY) (?:\( ([^)]+) \)|(\w+))", line)]
    used = {name for several, one in lists for name in (several or one).split(" $ ")}
    assert {row.name for rows in CLASSES.values() for row in rows} <= described
    assert "nhsJobRole" in used
    assert used <= described
    assert {f"( {oid} NAME '{kind}'" for kind, oid in OIDS.items()} <= {line.split(" SUP")[0] for line in schema.OBJECT_CLASSES}
