"""What times a Spine token may have, as settings (spine 2.3, 12; spec README rule 35)."""

from dataclasses import dataclass
from typing import Final

LATEST: Final = 253_402_300_799
"""The end of the year 9999: a whole number beyond it is no time."""


@dataclass(frozen=True, slots=True)
class TimeRules:
    """The settings `spine_jwt.lifetime_exact`, `.iat_ahead`, `.exp_grace` and `.reject_expired`; None leaves a rule out."""

    lifetime_exact_seconds: int | None = 300
    iat_ahead_seconds: int | None = 300
    exp_grace_seconds: int = 30
    reject_expired: bool = True

    def lifetime_holds(self, iat: int | None, exp: int | None) -> bool:
        """Return whether the token lives exactly as long as it should. A time that is absent breaks no rule here."""
        return self.lifetime_exact_seconds is None or iat is None or exp is None or exp - iat == self.lifetime_exact_seconds

    def issued(self, iat: int | None, now: float) -> bool:
        """Return whether iat is not further ahead than allowed."""
        return self.iat_ahead_seconds is None or iat is None or iat <= now + self.iat_ahead_seconds

    def in_force(self, exp: int | None, now: float) -> bool:
        """Return whether exp, and the grace after it, have not passed."""
        return not self.reject_expired or exp is None or now <= exp + self.exp_grace_seconds

    @property
    def lifetime(self) -> str:
        """The lifetime in words: `5 minutes`."""
        seconds = self.lifetime_exact_seconds or 0
        amount, unit = (seconds // 60, "minute") if seconds % 60 == 0 else (seconds, "second")
        return f"{amount} {unit}" + ("" if amount == 1 else "s")


PUBLISHED: Final = TimeRules()
NOT_LOOKED_AT: Final = TimeRules(lifetime_exact_seconds=None, iat_ahead_seconds=None, reject_expired=False)
"""What the live record locator is said to do (spine 2.3): times are read, and must be whole numbers, and nothing more."""


def is_time(value: object) -> bool:
    """Return whether a claim is a time: a whole JSON number of seconds. A text, a fraction and `true` are not."""
    return type(value) is int and 0 <= value <= LATEST
