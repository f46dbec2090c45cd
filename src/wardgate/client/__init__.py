"""The SDK: call APIs by the platform's patterns, of this Wardgate or of the national platform, by base URL.

Owns: credentials on requests, the fetching and keeping of access tokens, signing users in and renewing their tokens, calls
between systems by ASID and interaction, look-ups in their directory, sealing and opening messages, sending and receiving them by MESH, trace headers, retries, and one family of errors.
Leaves: what an API's messages mean; keeping private keys (`Signer` may be a KMS or an HSM); showing the user a browser.
Read: environments, errors, outcome_xml, error_shapes, bounded, clock, retry, trace, signer, assertion, client_authentication, tokens, token_plan,
token_auth, signed_jwt, api_key, clients, tls_ma; for users: authorization, loopback, token_endpoint, user_tokens, users,
token_store, user_session, role, user_restricted, id_token, provider, stand_in; for systems: spine_errors, spine_api,
spine_context, spine_auth, spine_clients, directory_answers, spine_directory; for messages: mesh_steps, mesh_errors, mesh_tries,
mesh_answers, mesh_content, mesh_outgoing, mesh_upload, mesh_inflate, mesh_download, mesh_files, mesh_calls, mesh_wire, mesh_mailbox,
mesh_mailbox_async, key_ring, key_ring_files, message, message_seal, seal_check, seal_fhir, sealed_file, time_stamp. What is about seals is imported when it is first asked for.

    signer = PrivateKeySigner.from_file("int-1.pem")
    auth = SignedJWTAuth.of(PLATFORM["int"], client_id, signer, kid="int-1")
    with api_client(PLATFORM["int"], auth=auth) as client:
        response = client.get("/hello-world/hello/application")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from wardgate.client.api_key import APIKeyAuth
from wardgate.client.authorization import PendingSignIn
from wardgate.client.client_authentication import (
    ClientAssertion,
    ClientAuthentication,
    ClientCertificate,
    ClientSecret,
)
from wardgate.client.clients import api_client, async_api_client
from wardgate.client.clock import Clock
from wardgate.client.directory_answers import ResolvedEndpoint
from wardgate.client.environments import PLATFORM, Environment
from wardgate.client.error_shapes import api_error, raise_for_error
from wardgate.client.errors import (
    AnswerLost,
    APIError,
    CertificateUnusable,
    ClearTextRefused,
    ClientError,
    IDTokenInvalid,
    KeyUnusable,
    ListenerUnusable,
    NobodyCameBack,
    ProviderUnusable,
    RedirectInvalid,
    SignInNeeded,
    SignInRefused,
    StandInAsks,
    TokenAnswerInvalid,
    TokenFileUnusable,
    TokenRefused,
)
from wardgate.client.id_token import IDToken
from wardgate.client.loopback import LoopbackListener
from wardgate.client.mesh_answers import FoundMailbox, InboxPage, MeshMessage, MeshTracking
from wardgate.client.mesh_download import ReceivedMessage
from wardgate.client.mesh_errors import (
    MeshAnswerInvalid,
    MeshAPIError,
    MeshCallInvalid,
    MeshContentInvalid,
    MeshContentRefused,
    MeshHeadersRefused,
    MeshMessageGone,
    MeshMessageUnknown,
    MeshNotAuthenticated,
    MeshRecipientUnknown,
    MeshSendUncertain,
    MeshSourceChanged,
    MeshTransferInvalid,
    MeshWorkflowRefused,
)
from wardgate.client.mesh_mailbox import MeshMailbox
from wardgate.client.mesh_mailbox_async import AsyncMeshMailbox
from wardgate.client.mesh_outgoing import MeshOutgoing, MeshUpload, SentMessage
from wardgate.client.mesh_tries import MESH_RETRY
from wardgate.client.mesh_wire import MeshCredentials
from wardgate.client.provider import ProviderMetadata, ProviderTokens, RelyingParty
from wardgate.client.retry import AsyncRetryTransport, RetryPolicy, RetryTransport
from wardgate.client.role import role_headers
from wardgate.client.signed_jwt import CertificateAuth, SignedJWTAuth
from wardgate.client.signer import DigestSigner, PrivateKeySigner, Signer
from wardgate.client.spine_api import SpineAPI, ssp_url
from wardgate.client.spine_auth import SpineAuth
from wardgate.client.spine_clients import SPINE_RETRY, async_spine_client, spine_client
from wardgate.client.spine_context import SpineContext
from wardgate.client.spine_directory import AsyncDirectorySession, AsyncSpineDirectory, DirectorySession, SpineDirectory
from wardgate.client.spine_errors import (
    AccessDenied,
    ASIDCheckFailed,
    ClientCertificateRejected,
    DirectoryAmbiguous,
    DirectoryAnswerInvalid,
    DirectorySessionOver,
    MissingOrInvalidHeader,
    NotInDirectory,
    SpineAPIError,
    SpineCallInvalid,
    SSPEndpointUnreachable,
    SSPEndpointVaries,
    SSPReceiverCheckFailed,
    SSPSenderCheckFailed,
    SSPSharingCheckFailed,
    raise_for_spine_error,
    spine_error,
)
from wardgate.client.stand_in import sign_in_at_stand_in
from wardgate.client.tls_ma import async_tls_ma_client, tls_ma_client, tls_ma_context, trust_context
from wardgate.client.token_store import FileTokenStore, MemoryTokenStore, TokenStore
from wardgate.client.tokens import AccessToken, TokenCache
from wardgate.client.trace import transaction
from wardgate.client.user_restricted import UserAuth
from wardgate.client.user_session import UserSession
from wardgate.client.user_tokens import UserTokens
from wardgate.client.users import Provider, UserApplication, run
from wardgate.spine.gp_mint import Device, Practitioner
from wardgate.spine.identifiers import Identifier

if TYPE_CHECKING:
    from wardgate.client.key_ring import KeyRing
    from wardgate.client.key_ring_files import read_key_ring
    from wardgate.client.message import OpenedMessage, acknowledge, open_message, verify_message
    from wardgate.client.message_seal import Recipient, SealOptions, seal_message
    from wardgate.client.seal_fhir import VerifiedFHIR, sign_bundle, sign_resource, verify_bundle, verify_resource
    from wardgate.client.sealed_file import open_file, seal_file
    from wardgate.client.time_stamp import TimeStampAuthority

_LATER: Final = {
    "KeyRing": "key_ring",
    "OpenedMessage": "message",
    "Recipient": "message_seal",
    "SealOptions": "message_seal",
    "TimeStampAuthority": "time_stamp",
    "VerifiedFHIR": "seal_fhir",
    "acknowledge": "message",
    "open_file": "sealed_file",
    "open_message": "message",
    "read_key_ring": "key_ring_files",
    "seal_file": "sealed_file",
    "seal_message": "message_seal",
    "sign_bundle": "seal_fhir",
    "sign_resource": "seal_fhir",
    "verify_bundle": "seal_fhir",
    "verify_message": "message",
    "verify_resource": "seal_fhir",
}
"""Names that need libraries for XML and CMS, and where they are."""

__all__ = [
    "MESH_RETRY",
    "PLATFORM",
    "SPINE_RETRY",
    "APIError",
    "APIKeyAuth",
    "ASIDCheckFailed",
    "AccessDenied",
    "AccessToken",
    "AnswerLost",
    "AsyncDirectorySession",
    "AsyncMeshMailbox",
    "AsyncRetryTransport",
    "AsyncSpineDirectory",
    "CertificateAuth",
    "CertificateUnusable",
    "ClearTextRefused",
    "ClientAssertion",
    "ClientAuthentication",
    "ClientCertificate",
    "ClientCertificateRejected",
    "ClientError",
    "ClientSecret",
    "Clock",
    "Device",
    "DigestSigner",
    "DirectoryAmbiguous",
    "DirectoryAnswerInvalid",
    "DirectorySession",
    "DirectorySessionOver",
    "Environment",
    "FileTokenStore",
    "FoundMailbox",
    "IDToken",
    "IDTokenInvalid",
    "Identifier",
    "InboxPage",
    "KeyRing",
    "KeyUnusable",
    "ListenerUnusable",
    "LoopbackListener",
    "MemoryTokenStore",
    "MeshAPIError",
    "MeshAnswerInvalid",
    "MeshCallInvalid",
    "MeshContentInvalid",
    "MeshContentRefused",
    "MeshCredentials",
    "MeshHeadersRefused",
    "MeshMailbox",
    "MeshMessage",
    "MeshMessageGone",
    "MeshMessageUnknown",
    "MeshNotAuthenticated",
    "MeshOutgoing",
    "MeshRecipientUnknown",
    "MeshSendUncertain",
    "MeshSourceChanged",
    "MeshTracking",
    "MeshTransferInvalid",
    "MeshUpload",
    "MeshWorkflowRefused",
    "MissingOrInvalidHeader",
    "NobodyCameBack",
    "NotInDirectory",
    "OpenedMessage",
    "PendingSignIn",
    "Practitioner",
    "PrivateKeySigner",
    "Provider",
    "ProviderMetadata",
    "ProviderTokens",
    "ProviderUnusable",
    "ReceivedMessage",
    "Recipient",
    "RedirectInvalid",
    "RelyingParty",
    "ResolvedEndpoint",
    "RetryPolicy",
    "RetryTransport",
    "SSPEndpointUnreachable",
    "SSPEndpointVaries",
    "SSPReceiverCheckFailed",
    "SSPSenderCheckFailed",
    "SSPSharingCheckFailed",
    "SealOptions",
    "SentMessage",
    "SignInNeeded",
    "SignInRefused",
    "SignedJWTAuth",
    "Signer",
    "SpineAPI",
    "SpineAPIError",
    "SpineAuth",
    "SpineCallInvalid",
    "SpineContext",
    "SpineDirectory",
    "StandInAsks",
    "TimeStampAuthority",
    "TokenAnswerInvalid",
    "TokenCache",
    "TokenFileUnusable",
    "TokenRefused",
    "TokenStore",
    "UserApplication",
    "UserAuth",
    "UserSession",
    "UserTokens",
    "VerifiedFHIR",
    "acknowledge",
    "api_client",
    "api_error",
    "async_api_client",
    "async_spine_client",
    "async_tls_ma_client",
    "open_file",
    "open_message",
    "raise_for_error",
    "raise_for_spine_error",
    "read_key_ring",
    "role_headers",
    "run",
    "seal_file",
    "seal_message",
    "sign_bundle",
    "sign_in_at_stand_in",
    "sign_resource",
    "spine_client",
    "spine_error",
    "ssp_url",
    "tls_ma_client",
    "tls_ma_context",
    "transaction",
    "trust_context",
    "verify_bundle",
    "verify_message",
    "verify_resource",
]


def __getattr__(name: str) -> Any:
    """Import what is about seals when it is first asked for (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
