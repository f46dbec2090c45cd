"""The answer of the rule book: allowed or refused, and why."""

from dataclasses import dataclass, field

from wardgate.oauth.access_token import TokenUser
from wardgate.refusals import Refusal
from wardgate.security_patterns.system_call import SystemCall


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one request. A refusal always has a reason; an allowed request keeps what was proved.

    `application` is known as soon as a credential named one, refused or not.
    """

    allowed: bool
    pattern: str | None = None
    application: str | None = None
    refusal: Refusal | None = None
    api: str | None = None
    route: str | None = None
    user: TokenUser | None = field(default=None, repr=False)
    """Who signed in, as soon as a token told. Personal."""
    role: str | None = field(default=None, repr=False)
    """The role profile that the call acts in, on a route that asks for one. Personal."""
    call: SystemCall | None = field(default=None, repr=False)
    """Which system calls which, for what and for whom, on a route by ASID and on one that is translated."""
    proved: tuple[str, ...] = ()
    """Sentences that held, in the order in which they were checked: the explanation of a yes."""

    def __post_init__(self) -> None:
        if self.allowed == (self.refusal is not None):
            raise ValueError("a decision is either allowed or has a refusal")
