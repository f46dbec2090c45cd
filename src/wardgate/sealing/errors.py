"""One error: a reason of the catalogue, and what was found, which only the record may tell."""

from wardgate.refusals import Refusal, reason
from wardgate.refusals.messages import FAILURES, Failure


class SealRefused(Exception):
    """A seal, or a step of making one, was refused. The text of the exception is the public one."""

    def __init__(self, code: str, expected: str | None = None, received: str | None = None) -> None:
        self.refusal = Refusal(reason(code), expected, received)
        super().__init__(self.refusal.reason.text)

    @property
    def code(self) -> str:
        """The reason's code, for the record."""
        return self.refusal.reason.code

    @property
    def failure(self) -> Failure:
        """The class of the failure, which may be told to the one who opens, not to the one who sent."""
        return FAILURES[self.code]

    @property
    def response_code(self) -> str:
        """The ITK response code for the sender (itk3-messaging 1.8)."""
        return self.refusal.reason.error
