"""One call between systems while it is judged: what is asked, and what is known of it so far.

A refusal keeps what was known when it was given, so that its record names the systems (spine 9.5).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wardgate.catalogue import API, Pattern, Route
from wardgate.catalogue.spine import SpineAPI
from wardgate.refusals import Refusal
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts
from wardgate.security_patterns.snapshot import CallingSystem, Snapshot
from wardgate.security_patterns.system_call import Relay, SystemCall
from wardgate.spine.errors import SpineRefused
from wardgate.spine.headers import NAMES, UUID, Family, Names
from wardgate.spine.stated import Stated


@dataclass(slots=True)
class Inquiry:
    """The request and its route. Steps fill in the rest, in their order."""

    facts: Facts
    snapshot: Snapshot
    api: API
    route: Route
    spine: SpineAPI
    family: Family = field(init=False)
    names: Names = field(init=False)
    system: CallingSystem | None = None
    """The system that the header names, known by now, suspended or not."""
    receiver: str | None = None
    named: str | None = None
    """The interaction that the headers name, in form: whatever the caller says."""
    interaction: str | None = None
    """The interaction of the call: one that is published, or that the system has."""
    trace: str | None = None
    stated: Stated | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    relay: Relay | None = None
    proved: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.family = self.spine.family
        self.names = NAMES[self.family]
        told = self.facts.headers
        self.system = self.snapshot.systems.get(told.get(self.names.sender.lower(), ""))
        receiver = told.get(self.names.receiver.lower(), "") if self.names.receiver else ""
        self.receiver = receiver if receiver in self.snapshot.systems else None
        trace = told.get(self.names.trace.lower(), "") if self.names.trace else ""
        self.trace = trace if UUID.fullmatch(trace) else None

    @property
    def path(self) -> str:
        """The path below the API's base."""
        return self.facts.path.removeprefix(self.api.base_path) or "/"

    @property
    def call(self) -> SystemCall:
        """What is known so far."""
        return SystemCall(
            sender=self.system.asid if self.system is not None else None, receiver=self.receiver, interaction=self.interaction, trace=self.trace,
            organisations=tuple(sorted(self.system.acts_for)) if self.system is not None else (), stated=self.stated, headers=self.headers, relay=self.relay,
        )  # fmt: skip


Step = Callable[[Inquiry], None]
"""One check. It raises `SpineRefused`, or notes what it found out."""
_PATTERN: Final = Pattern.ASID_INTERACTION


def take(inquiry: Inquiry, steps: tuple[Step, ...]) -> Decision:
    """Take the steps in order; the first that does not hold refuses."""
    refusal: Refusal | None = None
    try:
        for step in steps:
            step(inquiry)
    except SpineRefused as refused:
        refusal = refused.refusal
    return Decision(allowed=refusal is None, refusal=refusal, pattern=_PATTERN, api=inquiry.api.name, route=inquiry.route.path,
                    call=inquiry.call, proved=tuple(inquiry.proved))
