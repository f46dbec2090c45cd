"""What the checks of a Spine JWT ask of the directory, answered from a snapshot (spine 2.3 #13, #16, #17)."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from wardgate.security_patterns.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Register:
    """The systems and organisations of one snapshot.

    NOTE: a suspended system is known here. That it may not call is said of the header, in its own place (spine 11).
    """

    snapshot: Snapshot

    def organisations_of(self, asid: str) -> AbstractSet[str] | None:
        """Return the ODS codes that a system acts for; None: there is no such system."""
        system = self.snapshot.systems.get(asid)
        return system.acts_for if system is not None else None

    def knows_organisation(self, ods: str) -> bool:
        """Return whether an organisation has this ODS code, case-exact."""
        return ods in self.snapshot.organisations
