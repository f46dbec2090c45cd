"""Who called whom, in a line of Envoy's log: what the decision service handed on, or what Envoy knew by itself (spine 9.5).

Of a call that Envoy judged, headers are in the line as the caller wrote them. A value without its form is not kept: in a
refused call it may be anything, a patient's number too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wardgate.audit.model import Detail
from wardgate.audit.patients import patients_in, recorded
from wardgate.spine.headers import UUID
from wardgate.spine.identifiers import is_asid
from wardgate.stores.errors import WrongStoreKey

UNREADABLE: Final = "unreadable"
_INTERACTION: Final = re.compile(r"urn:nhs:names:services:[A-Za-z0-9:._$-]{1,160}")
_NAME: Final = re.compile(r"[A-Za-z0-9.*_-]{1,253}")


def _reads_nothing(_concealed: str) -> Mapping[str, Detail]:
    raise WrongStoreKey("nothing is handed on here")


@dataclass(frozen=True, slots=True)
class Known:
    """What reading a line needs to know. Use the real ones wherever lines are stored; `NOTHING_KNOWN` leaves both out."""

    reveal: Callable[[str], Mapping[str, Detail]]
    """`stores.ports.AuditLog.reveal`."""
    organisations_of: Callable[[str], Iterable[str] | None]
    """ODS codes that a system acts for, now."""


NOTHING_KNOWN: Final = Known(_reads_nothing, lambda _asid: None)


def between_systems(found: Mapping[str, Any], known: Known) -> dict[str, Detail]:
    """Return the details that a call between systems has besides those of every call."""
    if "record" in found:
        try:
            return dict(known.reveal(str(found["record"])))
        except WrongStoreKey:
            return {"handed_on": UNREADABLE}  # the call itself is recorded all the same
    return _as_envoy_saw(found, known) if "target" in found else {}


def _as_envoy_saw(found: Mapping[str, Any], known: Known) -> dict[str, Detail]:
    sender, certificate = str(found.get("from_asid", "")), str(found.get("certificate_name", "")).removeprefix("CN=")
    kept: dict[str, Detail] = {}
    if is_asid(sender):
        kept["from_asid"] = sender
        if organisations := known.organisations_of(sender):
            kept["ods"] = ",".join(sorted(organisations))
    if is_asid(receiver := str(found.get("to_asid", ""))):
        kept["to_asid"] = receiver
    for name, form in (("interaction", _INTERACTION), ("trace", UUID)):
        if form.fullmatch(value := str(found.get(name, ""))):
            kept[name] = value
    if _NAME.fullmatch(certificate):
        kept["certificate_name"] = certificate
    path, _, query = str(found["target"]).partition("?")
    return kept | recorded(patients_in(path, query))
