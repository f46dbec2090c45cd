"""The code tables of ITK3: events, recipient types, definitions of messages, workflows (itk3-messaging 1.4, 1.5)."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wardgate.itk3.model import RecipientType

EVENTS: Final[Mapping[str, str]] = MappingProxyType({
    "ITK003D": "ITK eDischarge",
    "ITK004D": "ITK Mental Health eDischarge",
    "ITK005D": "ITK Emergency Care eDischarge",
    "ITK006D": "ITK Outpatient Letter",
    "ITK007C": "ITK GP Connect Send Document",
    "ITK008M": "ITK Response",
    "ITK009D": "ITK Digital Medicine Immunization Document",
    "ITK010D": "ITK Digital Medicine Emergency Supply Document",
    "ITK011M": "ITK Events Management Service",
    "ITK012M": "ITK National Pathology",
    "ITK013D": "ITK Digital Medicine Minor Illness Document",
    "ITK014M": "ITK Update Record",
})
RESPONSE_EVENT: Final = "ITK008M"
RECIPIENT_TYPES: Final = MappingProxyType({RecipientType.FOR_ACTION: "For Action", RecipientType.FOR_INFORMATION: "For Information"})

_ONE: Final = frozenset({1})
_TO_FOUR: Final = frozenset({1, 2, 3, 4})
DEFINITIONS: Final[Mapping[str, frozenset[int]]] = MappingProxyType({
    "SendPayload": _ONE, "Response": _ONE, "GPConnectSendDocument": _ONE, "EDIS": _TO_FOUR, "OPL": _TO_FOUR, "EC-eDischarge": _ONE,
    "DM-EmergencySupply": _ONE, "DM-Immunization": _ONE, "DM-MIRC": _ONE, "EMS": _ONE,
})
"""The definitions of messages that are known, and their versions: those of payloads' own are published up to 4."""
_DEFINITION: Final = re.compile(r"https://fhir\.nhs\.uk/STU3/MessageDefinition/ITK-([A-Za-z0-9-]+?)-MessageDefinition(?:-Instance)?-([0-9]{1,4})")
_OF_EVENT: Final[Mapping[str, tuple[str, int]]] = MappingProxyType({
    "ITK003D": ("EDIS", 1), "ITK005D": ("EC-eDischarge", 1), "ITK006D": ("OPL", 4), "ITK007C": ("GPConnectSendDocument", 1), "ITK008M": ("Response", 1),
    "ITK009D": ("DM-Immunization", 1), "ITK010D": ("DM-EmergencySupply", 1), "ITK011M": ("EMS", 1), "ITK013D": ("DM-MIRC", 1),
})

WORKFLOWS: Final = (
    "TOC_FHIR_IP_DISCH", "TOC_FHIR_MH_DISCH", "TOC_FHIR_EC_DISCH", "TOC_FHIR_OP_ATTEN", "GPFED_CONSULT_REPORT", "GPCONNECT_UPDATE_RECORD",
    "GPCONNECT_SEND_DOCUMENT", "DIGMED_FLU_VAC", "DIGMED_EMG_MED", "DIGIMED_MINOR_ILLNESS_PEM", "DF_ONLINE_CONSULTATION",
)
ONE_WAY_WORKFLOWS: Final = frozenset({"BIRTHNOTIFICATION_1", "CHANGEOFADDRESS_1", "CHANGEOFGP_1", "DEATHNOTIFICATION_1"})
"""Events of the National Events Management Service: nobody answers them."""
_ACKNOWLEDGEMENT: Final = "_ACK"


def definition_parts(url: str) -> tuple[str, int] | None:
    """Return the name and the version in the URL of a national definition; None for another URL."""
    found = _DEFINITION.fullmatch(url)
    return (found[1], int(found[2])) if found else None


def definition_of(event: str) -> str:
    """Return the URL of the definition that an event's messages usually name."""
    name, version = _OF_EVENT.get(event, ("SendPayload", 1))
    return f"https://fhir.nhs.uk/STU3/MessageDefinition/ITK-{name}-MessageDefinition-{version}"


def response_workflow(workflow: str) -> str | None:
    """Return the workflow that answers travel on, where nobody has agreed another; None: nobody answers."""
    return None if workflow in ONE_WAY_WORKFLOWS or workflow.endswith(_ACKNOWLEDGEMENT) else f"{workflow}{_ACKNOWLEDGEMENT}"
