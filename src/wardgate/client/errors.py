"""What can go wrong for a caller of an API.

ClientError
├── APIError             the server answered, and the answer is a refusal or a failure
│   └── TokenRefused     the same, from the token endpoint
├── AnswerLost           a request that uses up a code or a refresh token got no answer that counts
├── TokenAnswerInvalid   the token endpoint said yes, but not in a form we accept
├── KeyUnusable          a private key cannot be read, or is not one to sign with
├── CertificateUnusable  a certificate, its key or a trust bundle cannot be used for TLS
├── ClearTextRefused     a credential would have left over plain HTTP to another machine
│
├── SignInRefused        the user came back with an error of the authorisation server or of the provider
├── RedirectInvalid      what came back is not the answer to this sign-in: another's state, issuer or address
├── NobodyCameBack       the user did not come back in time
├── ListenerUnusable     nothing can listen at the redirect URI
├── IDTokenInvalid       an ID token is not one of this sign-in, provider and client
├── ProviderUnusable     a provider's description or keys cannot be used
├── StandInAsks          a stand-in's question that nobody has answered, or no stand-in at all
├── SignInNeeded         there are no tokens, or none that can be renewed: the user has to sign in
├── TokenFileUnusable    kept tokens cannot be read or written safely
│
└── of calls between systems: `spine_errors`

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


class AnswerLost(ClientError):
    """A request was sent, and nobody knows what became of it: no answer, or one that says that something broke."""


class KeyUnusable(ClientError):
    """A private key cannot be read, or its kind does not fit the algorithm."""


class CertificateUnusable(ClientError):
    """A certificate, its key or a trust bundle cannot be used for TLS."""


class ClearTextRefused(ClientError):
    """A credential is sent over TLS, or over plain HTTP to this machine only."""


class SignInRefused(ClientError):
    """The redirect carries an error in place of a code (RFC 6749 section 4.1.2.1), for the state we sent.

    `code` is the error's word and `text` the server's own sentence, at most 500 characters, unprintable ones replaced.
    """

    def __init__(self, code: str, text: str) -> None:
        self.code = code[:_LONGEST_TEXT]
        self.text = "".join(character if character.isprintable() else "?" for character in text[:_LONGEST_TEXT])
        super().__init__(f"{self.code}: {self.text}" if self.text else self.code)


class RedirectInvalid(ClientError):
    """A redirect that is not believed. Its parameters are not in the message."""


class NobodyCameBack(ClientError):
    """The time for a sign-in is over."""


class ListenerUnusable(ClientError):
    """The redirect URI is not one of this machine, or its port is taken."""


class IDTokenInvalid(ClientError):
    """An ID token does not prove what it must (OpenID Connect Core section 3.1.3.7). No claim's value is in the message."""


class ProviderUnusable(ClientError):
    """A provider's discovery document or key set is unreadable, or is another provider's."""


class StandInAsks(ClientError):
    """A program cannot sign in here. `question` is `user`, `role`, `identity-check`, `elsewhere` (no stand-in) or `other`."""

    def __init__(self, question: str, text: str) -> None:
        self.question = question
        super().__init__(text)


class SignInNeeded(ClientError):
    """No access token can be had without the user.

    `why` is `none` (nobody has signed in), `over` (the time for renewing has passed), `refused` (the server does not take
    the refresh token, which `refusal` tells in its words) or `uncertain` (a renewal got no answer: the server may have
    replaced the refresh token, and one is not used twice).
    """

    def __init__(self, why: str, refusal: TokenRefused | None = None) -> None:
        self.why = why
        self.refusal = refusal
        super().__init__(f"the user has to sign in: {_WHY[why]}{f' ({refusal})' if refusal is not None else ''}")


class TokenFileUnusable(ClientError):
    """A file of tokens is damaged, somebody else's, readable by others, or held by another process."""


_WHY: Final = {
    "none": "there are no tokens that could be renewed", "over": "the time for renewing the tokens has passed",
    "refused": "the server does not take the refresh token",
    "uncertain": "a renewal of the tokens got no answer, so the refresh token may have been replaced",
}
