"""Data-sharing rules: which system may ask which other one through the secure proxy, for which service (spine 4.4, 11).

There is no rule that covers everybody: each names both systems, so that opening one up opens nothing else.
"""

from dataclasses import dataclass

from wardgate.directory.errors import InvalidEntries, Problem, shown
from wardgate.directory.forms import ASID, INTERACTION


@dataclass(frozen=True, slots=True)
class SharingRule:
    """One pair of systems, and a service's name such as `urn:nhs:names:services:gpconnect`, or an interaction's id."""

    from_asid: str
    to_asid: str
    service: str

    def __post_init__(self) -> None:
        """Raises `InvalidEntries` for values of another form."""
        rows = (("from_asid", ASID, self.from_asid), ("to_asid", ASID, self.to_asid), ("service", INTERACTION, self.service))
        if problems := [Problem("sharing rule", name, form.said, shown(value)) for name, form, value in rows if not form.holds(value)]:
            raise InvalidEntries(problems)

    def covers(self, interaction: str) -> bool:
        """Return whether an interaction is the rule's own or belongs to its service. `gpconnect` does not cover `gpconnect2`."""
        return interaction == self.service or interaction.startswith(self.service + ":")
