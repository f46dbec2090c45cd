"""The schema as callers read it: the subschema subentry (RFC 4512 section 4.2; spine 7.2, 7.3).

The platform publishes the numbers of four object classes. What has no number that is known is described under its name with
`-oid`, as directories do that make the number a detail.
"""

from collections.abc import Iterable
from typing import Final

from wardgate.directory.attributes import CLASSES, OIDS, ObjectClass
from wardgate.ldap.filters import ATTRIBUTE_OIDS

_ORIGIN: Final = "X-ORIGIN 'nhsSDS'"
_STRING: Final = "1.3.6.1.4.1.1466.115.121.1.15"
_OID: Final = "1.3.6.1.4.1.1466.115.121.1.38"
_DN: Final = "1.3.6.1.4.1.1466.115.121.1.12"
_NUMBERS: Final = {name.lower(): number for number, name in ATTRIBUTE_OIDS.items()}

PERSON_MUST: Final = ("uid", "cn", "sn", "nhsPersonStatus")
PERSON_MAY: Final = ("givenName", "nhsGMC", "nhsNMC", "nhsOCSPRCode", "mail")
ROLE_MUST: Final = ("uniqueIdentifier", "nhsJobRole")
ROLE_MAY: Final = (
    "nhsJobRoleCode", "nhsIDCode", "nhsAreaOfWorkCodes", "nhsBusinessFunctionsCodes", "nhsWorkGroupsCodes", "nhsOrgOpenDate", "nhsOrgCloseDate",
)  # fmt: skip
ORGANISATION_MUST: Final = ("uniqueIdentifier", "nhsIDCode")
_PEOPLES: Final = (*PERSON_MUST, *PERSON_MAY, *ROLE_MUST, *ROLE_MAY)

SYNTAXES: Final = (f"( {_STRING} DESC 'Directory String' )", f"( {_OID} DESC 'OID' )", f"( {_DN} DESC 'DN' )")
MATCHING_RULES: Final = (
    f"( 2.5.13.0 NAME 'objectIdentifierMatch' SYNTAX {_OID} )", f"( 2.5.13.1 NAME 'distinguishedNameMatch' SYNTAX {_DN} )",
    f"( 2.5.13.2 NAME 'caseIgnoreMatch' SYNTAX {_STRING} )", f"( 2.5.13.4 NAME 'caseIgnoreSubstringsMatch' SYNTAX {_STRING} )",
    f"( 2.5.13.5 NAME 'caseExactMatch' SYNTAX {_STRING} )", f"( 2.5.13.7 NAME 'caseExactSubstringsMatch' SYNTAX {_STRING} )",
)  # fmt: skip


def _class(number: str, name: str, must: Iterable[str], may: Iterable[str] = (), *, above: str = "top") -> str:
    lists = "".join(f" {kind} ( {' $ '.join(names)} )" for kind, names in (("MUST", tuple(must)), ("MAY", tuple(may))) if names)
    return f"( {number} NAME '{name}' SUP {above} STRUCTURAL{lists} {_ORIGIN} )"


def _of_directory(kind: ObjectClass) -> str:
    rows = CLASSES[kind]
    return _class(OIDS[kind], kind, (row.name for row in rows if row.must), (row.name for row in rows if not row.must))


OBJECT_CLASSES: Final = (
    "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
    "( 2.5.6.4 NAME 'organization' SUP top STRUCTURAL MUST o )",
    "( 2.5.6.5 NAME 'organizationalUnit' SUP top STRUCTURAL MUST ou MAY description )",
    "( 2.5.20.1 NAME 'subschema' AUXILIARY MAY ( attributeTypes $ objectClasses $ matchingRules $ ldapSyntaxes ) )",
    _of_directory(ObjectClass.SYSTEM),
    _of_directory(ObjectClass.ENDPOINT),
    _class("nhsOrg-oid", "nhsOrg", ORGANISATION_MUST, ("o",)),
    _class("1.2.826.0.1285.0.2.0.65", "nhsPerson", PERSON_MUST, PERSON_MAY),
    _class("nhsOrgPerson-oid", "nhsOrgPerson", ("uniqueIdentifier",)),
    _class("1.2.826.0.1285.0.2.0.67", "nhsOrgPersonRole", ROLE_MUST, ROLE_MAY),
)


def _attribute(name: str, *, exact: bool = False, single: bool = False) -> str:
    rule = "caseExact" if exact else "caseIgnore"
    number = _NUMBERS.get(name.lower())  # what has one is everyone's, and may have several values anywhere (RFC 4519)
    return (f"( {number or f'{name}-oid'} NAME '{name}' EQUALITY {rule}Match SUBSTR {rule}SubstringsMatch SYNTAX {_STRING}"
            f"{' SINGLE-VALUE' if single and number is None else ''} {_ORIGIN} )")  # fmt: skip


_DIRECTORY: Final = "1.3.6.1.4.1.1466.101.120."
OPERATIONAL: Final = {
    "createTimestamp": "2.5.18.1", "modifyTimestamp": "2.5.18.2", "subschemaSubentry": "2.5.18.10", "structuralObjectClass": "2.5.21.9",
    "entryDN": "1.3.6.1.1.20", "vendorName": "1.3.6.1.1.4", "vendorVersion": "1.3.6.1.1.5", "supportedFeatures": "1.3.6.1.4.1.4203.1.3.5",
    "namingContexts": f"{_DIRECTORY}5", "altServer": f"{_DIRECTORY}6", "supportedExtension": f"{_DIRECTORY}7", "supportedControl": f"{_DIRECTORY}13",
    "supportedSASLMechanisms": f"{_DIRECTORY}14", "supportedLDAPVersion": f"{_DIRECTORY}15", "ldapSyntaxes": f"{_DIRECTORY}16",
    "dITStructureRules": "2.5.21.1", "dITContentRules": "2.5.21.2", "matchingRules": "2.5.21.4", "attributeTypes": "2.5.21.5", "objectClasses": "2.5.21.6",
    "nameForms": "2.5.21.7", "matchingRuleUse": "2.5.21.8",
}  # fmt: skip
"""What servers say of themselves and of entries (RFC 4512 sections 3.4, 4.2, 5.1; RFC 3045, RFC 5020). Some of it nothing here has."""


def _attributes() -> tuple[str, ...]:
    rows = {row.name.lower(): _attribute(row.name, exact=row.exact, single=not row.multi) for rows in CLASSES.values() for row in rows}
    others = {name.lower(): _attribute(name) for name in ("o", "ou", *_PEOPLES)}
    return (
        f"( 2.5.4.0 NAME 'objectClass' EQUALITY objectIdentifierMatch SYNTAX {_OID} )",
        *(others | rows).values(),
        *(f"( {number} NAME '{name}' SYNTAX {_STRING} NO-USER-MODIFICATION USAGE directoryOperation )" for name, number in OPERATIONAL.items()),
    )


ATTRIBUTE_TYPES: Final = _attributes()
