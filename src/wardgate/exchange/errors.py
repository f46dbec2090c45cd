"""What the message handler says no with.

ExchangeError
├── NoAccount        nobody knows how this mailbox is reached
├── AccountInvalid   what is kept, or given, of an account cannot be used
├── NoMessage        there is no message of that id, or none that this can be done with
└── NotPossible      what was asked cannot be done with the message where it stands

MessageRefused       a message is against a rule: `refusal` for the record, `response_code` for its sender
"""

from wardgate.itk3 import ITK3Error, Original
from wardgate.refusals import Refusal, reason
from wardgate.refusals.messages import FAILURES, Failure
from wardgate.sealing.errors import SealRefused


class ExchangeError(Exception):
    """The root."""


class NoAccount(ExchangeError):
    """A mailbox without an account, which is not hosted here either."""


class AccountInvalid(ExchangeError):
    """An account whose parts do not fit together."""


class NoMessage(ExchangeError):
    """No such message."""


class NotPossible(ExchangeError):
    """The message stands where this cannot be done."""


class MessageRefused(Exception):
    """A message, ours or theirs, that is not exchanged. The text of the exception is the public one."""

    def __init__(self, refusal: Refusal, response_code: str | None = None, original: Original | None = None, issue: str | None = None) -> None:
        self.refusal = refusal
        self.response_code = response_code or refusal.reason.error
        self.original = original
        self.issue = issue
        """The FHIR issue code, where several go with the response code."""
        super().__init__(refusal.reason.text)

    @property
    def code(self) -> str:
        """The reason's code, for the record."""
        return self.refusal.reason.code

    @property
    def failure(self) -> Failure:
        """The class of the failure."""
        return FAILURES[self.code]


def refused(code: str, expected: str | None = None, received: str | None = None, original: Original | None = None) -> MessageRefused:
    """Return a refusal for a reason of the catalogue."""
    return MessageRefused(Refusal(reason(code), expected, received), original=original)


def of_seal(error: SealRefused, original: Original | None = None) -> MessageRefused:
    """Return a seal's refusal as a message's."""
    return MessageRefused(error.refusal, original=original)


def of_itk3(error: ITK3Error) -> MessageRefused:
    """Return what is wrong with a message as its refusal: the first fault answers. Texts name elements, never values."""
    first = error.problems[0]
    return MessageRefused(Refusal(reason("message-invalid"), f"{first.where}: {first.problem}"[:300], first.code), error.code, error.original, first.issue)
