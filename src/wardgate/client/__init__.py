"""The SDK: call APIs by the platform's patterns, of this Wardgate or of the national platform, by base URL.

Owns: credentials on requests, the fetching and keeping of access tokens, trace headers, retries, and one error type.
Leaves: what an API's messages mean; keeping private keys (`Signer` may be a KMS or an HSM).
Read: environments, errors, error_shapes, clock, retry, trace, signer, assertion, tokens, token_plan, signed_jwt, api_key,
clients, tls_ma.

    signer = PrivateKeySigner.from_file("int-1.pem")
    auth = SignedJWTAuth.of(PLATFORM["int"], client_id, signer, kid="int-1")
    with api_client(PLATFORM["int"], auth=auth) as client:
        response = client.get("/hello-world/hello/application")
"""

from wardgate.client.api_key import APIKeyAuth
from wardgate.client.clients import api_client, async_api_client
from wardgate.client.clock import Clock
from wardgate.client.environments import PLATFORM, Environment
from wardgate.client.error_shapes import api_error, raise_for_error
from wardgate.client.errors import (
    APIError,
    CertificateUnusable,
    ClearTextRefused,
    ClientError,
    KeyUnusable,
    TokenAnswerInvalid,
    TokenRefused,
)
from wardgate.client.retry import AsyncRetryTransport, RetryPolicy, RetryTransport
from wardgate.client.signed_jwt import SignedJWTAuth
from wardgate.client.signer import DigestSigner, PrivateKeySigner, Signer
from wardgate.client.tls_ma import async_tls_ma_client, tls_ma_client, tls_ma_context, trust_context
from wardgate.client.tokens import AccessToken, TokenCache
from wardgate.client.trace import transaction

__all__ = [
    "PLATFORM", "APIError", "APIKeyAuth", "AccessToken", "AsyncRetryTransport", "CertificateUnusable", "ClearTextRefused",
    "ClientError", "Clock", "DigestSigner", "Environment", "KeyUnusable", "PrivateKeySigner", "RetryPolicy",
    "RetryTransport", "SignedJWTAuth", "Signer", "TokenAnswerInvalid", "TokenCache", "TokenRefused", "api_client",
    "api_error", "async_api_client", "async_tls_ma_client", "raise_for_error", "tls_ma_client", "tls_ma_context",
    "transaction", "trust_context",
]
