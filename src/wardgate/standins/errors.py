"""What can go wrong at a stand-in provider.

StandInRefused
├── PageRefused         shown to the person: nobody may be sent back to an address that is not proved to be the client's
├── RedirectRefused     told to the client through the browser (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6)
├── TokenRefused        told to the client by the token endpoint (RFC 6749 section 5.2)
└── BearerRefused       told to whoever uses an access token (RFC 6750 section 3)

Texts are fixed and safe; nothing of a request is repeated in them. They are rows of `wardgate.refusals.providers`.
"""

from typing import Self

from wardgate.refusals import Refusal, reason


class StandInRefused(Exception):
    """The root of this room. `error` is the word on the wire; `code` the row of the catalogue of refusals it comes from."""

    def __init__(
        self, error: str, description: str, status: int = 400, *, code: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.code = code
        self.headers = headers
        self.asked_by: str | None = None
        """What asked for it, when it is a fault (`standins.faults`)."""

    @classmethod
    def by(cls, code: str, **values: str) -> Self:
        """Return the refusal of a row of the catalogue; `values` fill its placeholders. Raises `KeyError` for no row."""
        row = reason(code)
        filled = Refusal(row, values=values)
        return cls(row.error, filled.fill(row.text), row.status, code=code, headers=row.headers)


class PageRefused(StandInRefused):
    """The request cannot be answered by a redirect."""


class RedirectRefused(StandInRefused):
    """The client is told, with its `state`."""


class TokenRefused(StandInRefused):
    """A token request is refused."""


class BearerRefused(StandInRefused):
    """An access token is not good enough."""
