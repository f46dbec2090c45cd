"""The authorisation server: `/oauth2`, its twin `/oauth2-mock`, metadata, published keys, and the mock key-set host.

Owns: the order of a token request (application-restricted 6.5), what is answered and recorded at every exit, the
per-application limit of the token endpoint, introspection (RFC 7662) and revocation (RFC 7009).
Leaves: the checks themselves (`oauth`), signatures (`jose`), clients' key sets (`outbound.jwks`), single use and the
audit record (`stores`, behind the callables of `AuthServer`), TLS and the request headers we trust (Envoy: the app
must listen on a private socket only, because it believes `x-forwarded-client-cert`).
Read: dependencies, app, token, authenticate, client_credentials, refuse, then one file per endpoint.
"""

from wardgate.authserver.app import AuthServerApp
from wardgate.authserver.dependencies import AuthServer, AuthServerSettings, Build, HealthCheck, KeySets
from wardgate.authserver.keys import SigningKeyRing

__all__ = ["AuthServer", "AuthServerApp", "AuthServerSettings", "Build", "HealthCheck", "KeySets", "SigningKeyRing"]
