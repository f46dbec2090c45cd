"""A client of the stand-in providers: an application that signs people in itself (user-restricted 1, "separate")."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from wardgate.applications.model import ClientSecret
from wardgate.directory.model import Document, Flag, Line
from wardgate.identities.provider import HTTPURL, Authentication, ClientID
from wardgate.oauth.users import ProviderKind

ScopeWord = Annotated[str, Field(pattern=r"^[a-z_]{1,60}$")]
VectorText = Annotated[str, Field(pattern=r"^[A-Za-z0-9.]{2,20}$")]


class RelyingParty(Document, json_schema_extra={"not": {"required": ["jwks", "jwks_url"]}}):
    """A client that the stand-in providers of one kind know."""

    client_id: ClientID
    """Its name there."""
    kind: ProviderKind
    """Whose client it is: `nhs-cis2` or `nhs-login`."""
    name: Line = ""
    """What people are told they sign in to; when empty, the client's id."""
    redirect_uris: Annotated[tuple[HTTPURL, ...], Field(min_length=1, max_length=10)]
    """Where people may be sent back to; compared to the letter."""
    authentication: Authentication = Authentication.CLIENT_SECRET_POST
    """How it proves itself at the token endpoint."""
    client_secret: ClientSecret | None = None
    """The secret of `client_secret_post`, kept encrypted and never exported; when absent, one is made on first use."""
    jwks_url: HTTPURL | None = None
    """Where its public keys are, for `private_key_jwt`."""
    jwks: dict[str, Any] | None = None
    """Its public keys in place."""
    scopes: tuple[ScopeWord, ...] = ()
    """What it may ask for; when empty, everything."""
    vtr: tuple[VectorText, ...] = ()
    """NHS login: the vectors of trust it may ask for; when empty, all."""
    im1: Flag = False
    """NHS login: may read `gp_integration_credentials`."""
    refresh_tokens: Flag = False
    """NHS CIS2: gets a refresh token with every sign-in; NHS login and the mock realms always give one."""
    post_logout_redirect_uris: Annotated[tuple[HTTPURL, ...], Field(max_length=10)] = ()
    """Where people may be sent after signing out."""
    backchannel_logout_uri: HTTPURL | None = None
    """Where logout tokens are posted when a session ends (user-restricted 11.8)."""

    @model_validator(mode="after")
    def _one_proof(self) -> Self:
        if self.jwks is not None and self.jwks_url is not None:
            raise ValueError("a client has `jwks_url` or `jwks`, not both")
        keys = self.jwks is not None or self.jwks_url is not None
        if keys != (self.authentication is Authentication.PRIVATE_KEY_JWT):
            raise ValueError("`jwks_url` or `jwks` is for the authentication private_key_jwt, which needs one")
        if self.client_secret is not None and keys:
            raise ValueError("`client_secret` is for the authentication client_secret_post")
        return self

    @property
    def label(self) -> str:
        """What people are told they sign in to."""
        return self.name or self.client_id
