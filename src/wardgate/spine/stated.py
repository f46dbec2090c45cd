"""What a token states once its checks have passed, and what the checks were told to expect."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Protocol

from wardgate.spine.interactions import Interaction
from wardgate.spine.times import PUBLISHED, TimeRules
from wardgate.spine.variants import CallerKind, Variant, VariantName


class Register(Protocol):
    """What the checks ask of the directory."""

    def organisations_of(self, asid: str) -> AbstractSet[str] | None:
        """Return the ODS codes that a system acts for; None: there is no such system."""

    def knows_organisation(self, ods: str) -> bool:
        """Return whether an organisation has this ODS code, case-exact."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a route expects of a token. Without a register, its three rows are left out: a provider behind the proxy has none.

    `interaction` is the one derived from the request, where it could be; an exact scope follows from it. `audiences` are
    asked for where there are any: the published services do not look.
    """

    variant: Variant
    register: Register | None = None
    interaction: Interaction | None = None
    times: TimeRules = PUBLISHED
    audiences: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stated:
    """A token whose checks have passed. Nobody signed it: it says who calls, and TLS says which system may say so."""

    variant: VariantName
    caller: CallerKind
    issuer: str
    audience: str
    subject: str = field(repr=False)
    reason: str
    scopes: tuple[str, ...]
    asid: str | None = None
    """None with GP Connect, whose token has no ASID."""
    organisation: str | None = None
    """ODS code of the originating organisation."""
    user: str | None = field(default=None, repr=False)
    """The whole `requesting_user`. Personal."""
    role: str | None = field(default=None, repr=False)
    """The role profile, where the user is one. Personal."""
    patient: str | None = field(default=None, repr=False)
    """NHS number of the citizen who calls, or whose record is asked for. Personal."""
    actor: str | None = field(default=None, repr=False)
    """NHS number of the citizen who acts for the patient. Personal."""
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    """GP Connect: device, organisation and practitioner by name. Personal."""
