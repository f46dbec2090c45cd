"""What can go wrong for a caller of an API.

ClientError
├── APIError             the server answered, and the answer is a refusal or a failure
│   └── TokenRefused     the same, from the token endpoint
├── TokenAnswerInvalid   the token endpoint said yes, but not in a form we accept
├── KeyUnusable          a private key cannot be read, or is not one to sign with
├── CertificateUnusable  a certificate, its key or a trust bundle cannot be used for TLS
└── ClearTextRefused     a credential would have left over plain HTTP to another machine

Failures of the connection stay what httpx2 calls them (`httpx2.TransportError`). No message of any of these holds a
credential, a token or an assertion.
"""

from typing import Final

_LONGEST_TEXT: Final = 500


class ClientError(Exception):
    """The root of this room."""


class APIError(ClientError):
    """One type for every shape of error (application-restricted 11.1, 16 point 5).

    `shape` names the form that was found: oauth, fault, operation-outcome, json-api, problem, rate-limit or none.
    `code` is the form's own code (the status as text when there is none) and `text` its sentence, at most 500
    characters. `reason` is the code in `x-wardgate-reason`, which Wardgate sends and the national platform does not.
    """

    def __init__(
        self,
        status: int,
        code: str,
        text: str,
        *,
        shape: str = "none",
        message_id: str | None = None,
        request_id: str | None = None,
        correlation_id: str | None = None,
        retry_after_seconds: float | None = None,
        reason: str | None = None,
    ) -> None:
        self.status = status
        self.code = code[:_LONGEST_TEXT]
        self.text = text[:_LONGEST_TEXT]
        self.shape = shape
        self.message_id = message_id
        self.request_id = request_id
        self.correlation_id = correlation_id
        self.retry_after_seconds = retry_after_seconds
        self.reason = reason
        super().__init__(f"{status} {self.code}: {self.text}")

    @property
    def explain_id(self) -> str | None:
        """The id to give to `wardgate explain`, or to the platform's service desk."""
        return self.message_id or self.request_id


class TokenRefused(APIError):
    """The token endpoint gave no token."""


class TokenAnswerInvalid(ClientError):
    """The token endpoint answered 200 with something that is not a token of the platform's form."""


class KeyUnusable(ClientError):
    """A private key cannot be read, or its kind does not fit the algorithm."""


class CertificateUnusable(ClientError):
    """A certificate, its key or a trust bundle cannot be used for TLS."""


class ClearTextRefused(ClientError):
    """A credential is sent over TLS, or over plain HTTP to this machine only."""
