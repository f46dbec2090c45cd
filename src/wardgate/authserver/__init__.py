"""The authorisation server: `/oauth2`, its twin `/oauth2-mock`, metadata, published keys, and the mock key-set host.

Owns: the order of a token request (application-restricted 6.5; user-restricted 2.3 to 4.5) and of a sign-in (4.1 to 4.3), what
is answered and recorded at every exit, what is remembered of a sign-in, the per-application limits, userinfo and back-channel
logout (7), introspection (RFC 7662) and revocation (RFC 7009).
Leaves: the checks themselves (`oauth`), signatures (`jose`), clients' key sets and the providers' answers (`outbound`), single use,
codes, refresh tokens and the audit record (`stores`, behind the callables of `AuthServer`), signing people in (`standins`, or a
real provider), TLS and the request headers we trust (Envoy: the app must listen on a private socket only, because it believes
`x-forwarded-client-cert` and the last of `x-forwarded-for`).
Read: dependencies, app, token, authenticate, client_credentials, token_exchange, user_tokens, client_secret, authorization_code,
refresh, authorize, callback, redirects, sign_in_record, refuse, then one file per endpoint.
"""

from wardgate.authserver.app import AuthServerApp
from wardgate.authserver.dependencies import AuthServer, AuthServerSettings, Build, HealthCheck, KeySets
from wardgate.authserver.keys import SigningKeyRing

__all__ = ["AuthServer", "AuthServerApp", "AuthServerSettings", "Build", "HealthCheck", "KeySets", "SigningKeyRing"]
