"""The schema: which attributes the entries of systems and endpoints have (spine 7.2, 7.3; spec README rule 22).

Names are compared without case and written as here. `exact` says that values are matched with their case. `fixed`
attributes never change once an entry exists. `personal` values are role profiles: no message repeats them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from wardgate.directory import forms
from wardgate.directory.forms import Form

BASE_DN: Final = "ou=Services,o=nhs"
IDENTIFIER: Final = "uniqueIdentifier"
OBJECT_CLASS: Final = "objectClass"


class ObjectClass(StrEnum):
    """The classes of entries below `ou=Services,o=nhs`."""

    SYSTEM = "nhsAs"
    ENDPOINT = "nhsMhs"


OIDS: Final[Mapping[ObjectClass, str]] = MappingProxyType(
    {ObjectClass.SYSTEM: "1.2.826.0.1285.0.2.0.107", ObjectClass.ENDPOINT: "1.2.826.0.1285.0.2.0.108"}
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of one class; `field` is its name in the class's model."""

    name: str
    field: str
    form: Form
    must: bool = False
    multi: bool = False
    exact: bool = False
    fixed: bool = False
    personal: bool = False


# fmt: off
def _approval(*, dns: bool = False) -> tuple[Attribute, ...]:
    asked = (
        Attribute("nhsRequestorURP", "requestor", forms.ROLE_DN, must=True, personal=True),
        Attribute("nhsDateRequested", "requested_at", forms.MOMENT, must=True),
        Attribute("nhsApproverURP", "approver", forms.ROLE_DN, must=True, personal=True),
        Attribute("nhsDateApproved", "approved_at", forms.MOMENT, must=True),
    )
    named = (
        Attribute("nhsDNSApprover", "dns_approver", forms.ROLE_DN, must=True, personal=True),
        Attribute("nhsDateDNSApproved", "dns_approved_at", forms.MOMENT, must=True),
    )
    return asked + (named if dns else ())


SYSTEM: Final = (
    Attribute(IDENTIFIER, "asid", forms.ASID, must=True, fixed=True),
    Attribute("nhsIDCode", "organisation", forms.ODS_CODE, must=True, exact=True),
    Attribute("nhsAsClient", "clients", forms.ODS_CODE, multi=True),
    Attribute("nhsMHSPartyKey", "party_key", forms.PARTY_KEY, must=True, fixed=True),
    Attribute("nhsMhsManufacturerOrg", "manufacturer", forms.ODS_CODE, fixed=True),
    Attribute("nhsAsSvcIA", "interactions", forms.INTERACTION, must=True, multi=True, exact=True),
    Attribute("nhsAsACF", "access_control_functions", forms.CODE, multi=True),
    Attribute("nhsAsCategoryBag", "categories", forms.LINE, multi=True),
    Attribute("nhsProductKey", "product_key", forms.KEY),
    Attribute("nhsProductName", "product_name", forms.LINE),
    Attribute("nhsProductVersion", "product_version", forms.LINE),
    Attribute("description", "description", forms.LINE, multi=True),
    *_approval(),
)
ENDPOINT: Final = (
    Attribute(IDENTIFIER, "identifier", forms.CPA_ID, must=True, fixed=True),
    Attribute("nhsIDCode", "organisation", forms.ODS_CODE, must=True, exact=True),
    Attribute("nhsMHSPartyKey", "party_key", forms.PARTY_KEY, must=True, fixed=True),
    Attribute("nhsMhsManufacturerOrg", "manufacturer", forms.ODS_CODE, fixed=True),
    Attribute("nhsMhsSvcIA", "interaction", forms.INTERACTION, must=True, exact=True),
    Attribute("nhsMhsSN", "service", forms.INTERACTION, must=True),
    Attribute("nhsMhsIN", "interaction_name", forms.INTERACTION, must=True),
    Attribute("nhsMHSEndPoint", "urls", forms.URL, must=True, multi=True, exact=True),
    Attribute("nhsMhsFQDN", "fqdn", forms.FQDN, must=True),
    Attribute("nhsMhsCPAId", "cpa_id", forms.CPA_ID, must=True, fixed=True),
    Attribute("nhsContractPropertyTemplateKey", "template_key", forms.KEY, must=True),
    Attribute("nhsEPInteractionType", "interaction_type", forms.INTERACTION_TYPE, must=True),
    Attribute("nhsMHSIsAuthenticated", "authenticated", forms.AUTHENTICATED, must=True),
    Attribute("nhsMHSSyncReplyMode", "sync_reply_mode", forms.SYNC_REPLY),
    Attribute("nhsMHSAckRequested", "ack_requested", forms.ALWAYS_OR_NEVER),
    Attribute("nhsMHSDuplicateElimination", "duplicate_elimination", forms.ALWAYS_OR_NEVER),
    Attribute("nhsMHSActor", "actors", forms.ACTOR, multi=True),
    Attribute("nhsMHSPersistDuration", "persist_duration", forms.DURATION),
    Attribute("nhsMHSRetries", "retries", forms.COUNT),
    Attribute("nhsMHSRetryInterval", "retry_interval", forms.DURATION),
    Attribute("nhsMhsIPAddress", "ip_addresses", forms.IP_ADDRESS, multi=True),
    Attribute("nhsMhsNetwork", "network", forms.LINE),
    Attribute("nhsMhsSinCode", "sin_code", forms.KEY),
    Attribute("nhsMhsServiceDescription", "service_description", forms.LINE),
    Attribute("nhsProductKey", "product_key", forms.KEY, must=True),
    Attribute("nhsProductName", "product_name", forms.LINE),
    Attribute("nhsProductVersion", "product_version", forms.LINE),
    *_approval(dns=True),
)
# fmt: on
CLASSES: Final[Mapping[ObjectClass, tuple[Attribute, ...]]] = MappingProxyType(
    {ObjectClass.SYSTEM: SYSTEM, ObjectClass.ENDPOINT: ENDPOINT}
)
BY_NAME: Final[Mapping[ObjectClass, Mapping[str, Attribute]]] = MappingProxyType(
    {kind: MappingProxyType({row.name.lower(): row for row in rows}) for kind, rows in CLASSES.items()}
)
_ALL: Final = {row.name.lower(): row for rows in CLASSES.values() for row in rows}
EXACT: Final[Mapping[str, bool]] = MappingProxyType({name: row.exact for name, row in _ALL.items()} | {"objectclass": False, "o": False, "ou": False, "cn": False})
"""Every attribute that a search may name, in lower case, and whether its values are matched with their case."""
PERSONAL: Final = frozenset(name for name, row in _ALL.items() if row.personal)
"""Those that say who somebody is, in lower case."""
