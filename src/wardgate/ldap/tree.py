"""The tree: its root, containers, organisations, and the entries of the directory (spine 7.1). Pure.

`ou=Services` holds what is live in the directory, `ou=Organisations` every organisation that is known; people, reference data
and the log of changes are empty here: who signs in is not told to anyone who asks. Nor is, for the same reason, by which role
profiles an entry was asked for and approved, and no filter finds out: they are in the command line's answers and files.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import Final

from wardgate import __version__
from wardgate.directory.attributes import BASE_DN, IDENTIFIER, OBJECT_CLASS, PERSONAL
from wardgate.directory.entry import Entry
from wardgate.directory.filter import Equal, Filter
from wardgate.directory.index import DirectoryIndex, never
from wardgate.directory.matching import folded, matches
from wardgate.ldap import schema
from wardgate.ldap.errors import Refused
from wardgate.ldap.names import Name, parse
from wardgate.ldap.requests import Scope
from wardgate.ldap.results import ALL_OPERATIONAL, PAGED_RESULTS, TRUE_FALSE_FILTERS, Code

ROOT_DN: Final = "o=nhs"
SCHEMA_DN: Final = "cn=Subschema"
ORGANISATIONS_DN: Final = "ou=Organisations,o=nhs"
CONTAINERS: Final = ("Organisations", "People", "Services", "ReferenceData", "ChangeLog")
Values = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Content:
    """The directory at one moment, and every organisation's ODS code with its name, if that is known."""

    index: DirectoryIndex
    organisations: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """An entry as it is told: what it says of itself, its class first, and what the server says of it."""

    dn: str
    values: Values
    more: Values = field(default_factory=dict)

    @property
    def operational(self) -> Values:
        """What is told when it is asked for by name or by `+`."""
        told = {"entryDN": (self.dn,), "subschemaSubentry": (SCHEMA_DN,), "structuralObjectClass": self.values[OBJECT_CLASS][-1:]}
        return self.more if self.dn == "" else {**told, **self.more}


ROOT_DSE: Final = Node("", {OBJECT_CLASS: ("top",)}, {
    "namingContexts": (ROOT_DN,), "subschemaSubentry": (SCHEMA_DN,), "supportedLDAPVersion": ("3",), "supportedControl": (PAGED_RESULTS,),
    "supportedFeatures": (ALL_OPERATIONAL, TRUE_FALSE_FILTERS), "vendorName": ("Wardgate",), "vendorVersion": (__version__,),
})  # fmt: skip
SUBSCHEMA: Final = Node(SCHEMA_DN, {OBJECT_CLASS: ("top", "subschema"), "cn": ("Subschema",)}, {
    "objectClasses": schema.OBJECT_CLASSES, "attributeTypes": schema.ATTRIBUTE_TYPES, "matchingRules": schema.MATCHING_RULES,
    "ldapSyntaxes": schema.SYNTAXES,
})  # fmt: skip
TOP: Final = Node(ROOT_DN, {OBJECT_CLASS: ("top", "organization"), "o": ("nhs",)})
UNITS: Final = tuple(Node(f"ou={name},{ROOT_DN}", {OBJECT_CLASS: ("top", "organizationalUnit"), "ou": (name,)}) for name in CONTAINERS)

_SERVICES: Final = parse(BASE_DN)
_ORGANISATIONS: Final = parse(ORGANISATIONS_DN)
_FIXED: Final[Mapping[Name, Node]] = {parse(node.dn): node for node in (ROOT_DSE, SUBSCHEMA, TOP, *UNITS)}


def find(content: Content, base: str, scope: Scope, filter_: Filter, limit: int, stopped: Callable[[], bool] = never) -> list[Node]:
    """Return what matches, at most `limit` and one more, which says that there are others. Once `stopped`, it ends where it is.

    Raises `Refused` when there is no such base, and `FilterRefused`.
    """
    name = parse(base)
    here = _at(content, name)
    if scope is Scope.BASE:
        return [here] if _matches(filter_, here) else []
    if here is ROOT_DSE:
        raise Refused(Code.NO_SUCH_OBJECT, f"the tree begins at {ROOT_DN}")
    return list(islice(_below(content, name, scope, filter_, limit, stopped), limit + 1))


def _at(content: Content, name: Name) -> Node:
    """Return the entry of a name. Raises `Refused`, which says how far the name leads."""
    if (fixed := _FIXED.get(name)) is not None:
        return fixed
    if len(name) == len(_SERVICES) + 1 and name[0][0] == IDENTIFIER.lower():
        if name[1:] == _SERVICES:
            for entry in content.index.search(Equal(IDENTIFIER, name[0][1]), 0):
                return node_of(entry)
        if name[1:] == _ORGANISATIONS:
            for code, known_as in content.organisations.items():
                if code.lower() == name[0][1]:
                    return _organisation(code, known_as)
    above = (_FIXED.get(name[count:]) for count in range(1, len(name)))
    raise Refused(Code.NO_SUCH_OBJECT, "there is no such entry", next((node.dn for node in above if node is not None), ""))


def _below(content: Content, name: Name, scope: Scope, filter_: Filter, limit: int, stopped: Callable[[], bool]) -> Iterator[Node]:
    """Give what matches in scope, in the order of the tree."""
    whole = scope is Scope.SUBTREE
    if name not in _FIXED:
        here = _at(content, name)
        yield from [here] if whole and _matches(filter_, here) else []
        return
    inside = [node for at, node in _FIXED.items() if (whole and at[-len(name):] == name) or (at[1:] == name and at)]
    yield from (node for node in inside if _matches(filter_, node))
    if name == _ORGANISATIONS or (whole and _ORGANISATIONS[-len(name):] == name):
        organisations = (_organisation(code, known_as) for code, known_as in takewhile(lambda _: not stopped(), sorted(content.organisations.items())))
        yield from (node for node in organisations if _matches(filter_, node))
    if name == _SERVICES or (whole and _SERVICES[-len(name):] == name):
        yield from map(node_of, content.index.search(filter_, limit, stopped))


def node_of(entry: Entry) -> Node:
    """Return an entry of the directory as one of the tree."""
    told = {name: values for name, values in entry.values.items() if name.lower() not in PERSONAL}
    return Node(entry.dn, {OBJECT_CLASS: ("top", str(entry.object_class)), **told})


def _organisation(code: str, known_as: str | None) -> Node:
    named = {"o": (known_as,)} if known_as else {}
    return Node(f"{IDENTIFIER}={code},{ORGANISATIONS_DN}", {OBJECT_CLASS: ("top", "nhsOrg"), IDENTIFIER: (code,), "nhsIDCode": (code,), **named})


def _matches(filter_: Filter, node: Node) -> bool:
    return matches(filter_, {name.lower(): tuple(folded(name.lower(), value) for value in values) for name, values in node.values.items()})
