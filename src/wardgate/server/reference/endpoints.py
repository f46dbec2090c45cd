"""`endpoints.md`: every public path, who may use it and what it answers."""

from dataclasses import dataclass
from typing import Final

from wardgate.authserver.app import GOT, METADATA, POSTED, READ
from wardgate.catalogue.paths import HEALTH_PATHS
from wardgate.catalogue.platform import SYSTEM_DIRECTORY
from wardgate.mesh.bodies import BASE
from wardgate.outbound.mock_jwks import PREFIX as MOCK_JWKS
from wardgate.standins.published import CREDENTIALS_PATH
from wardgate.standins.surfaces import ASSETS, OWN, REALMS

INTRODUCTION: Final = """\
# Endpoints

What Wardgate itself answers, on every port; mailboxes, which ask for a certificate, on the mutual-TLS port only. The two base paths of the authorisation server, `/oauth2` and `/oauth2-mock`,
behave the same and are two issuers; an assertion's `aud` names the token URL that it is sent to. Everything else belongs to
the APIs of the [manifest](manifest.md); a path that belongs to nobody is refused with
[`route-not-found`](refusals.md#route-not-found).

Every answer has `X-Request-ID` (the caller's, or a new one) and `Strict-Transport-Security`, and `X-Correlation-ID` if the
caller sent one. A refusal has `X-Wardgate-Reason`. In an environment that is not live the request header `Wardgate-Fault` asks for
a refusal by its name ([how to](../how-to/meet-every-error.md)); the answer then has it as well.
"""
REALM_PATH: Final = REALMS + "{realm}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row: `{base}` stands for both base paths of the authorisation server, `{api}` for an API's base path."""

    methods: str
    path: str
    who: str
    answers: str
    after: str = ""


_PAGE: Final = "the browser that began the sign-in"
_STAND_INS: Final = (
    Endpoint("GET", REALM_PATH + "/.well-known/openid-configuration", "everyone", "200 and the discovery document of a mock realm", "OpenID Connect Discovery 1.0"),
    Endpoint("GET, POST", REALM_PATH + "/protocol/openid-connect/auth", "everyone", "200 and a page to sign in on, or 302 back to the client with a code or an error", "user-restricted 11.2, 12.2"),
    Endpoint("POST", REALM_PATH + "/protocol/openid-connect/token", "a client of the stand-ins", "200 and tokens, numbers as numbers; 400, 401 in OAuth's words", "user-restricted 11.4, 12.4"),
    Endpoint("GET, POST, PATCH", REALM_PATH + "/protocol/openid-connect/userinfo", "the holder of an access token", "200 and claims; PATCH at NHS login only, 204; 401, 403 with a challenge", "user-restricted 11.6, 12.6"),
    Endpoint("GET", REALM_PATH + "/protocol/openid-connect/certs", "everyone", "200 and two keys or three", "RFC 7517"),
    Endpoint("GET, POST", REALM_PATH + "/protocol/openid-connect/logout", "everyone", "200 and a page, or 302 back to the client", "user-restricted 11.8"),
    Endpoint("GET, POST", REALM_PATH + "/login-actions/{step}", _PAGE, "200 and the next page, or 302 back to the client", "user-restricted 13"),
    Endpoint("GET", REALM_PATH + "/login-actions/smartcard", "a browser with a smartcard, on the smartcard port only", "303 back to the sign-in with a proof; 403 and a page that says what is wrong with the certificate; 404 on every other port", "user-restricted 11.3"),
    Endpoint("GET, POST", OWN + "{provider}/{path}", "as above", "the same, under the paths of NHS CIS2 and of NHS login; the latter's trustmark", "user-restricted 11.1, 12.1"),
    Endpoint("GET", ASSETS + "{file}", "everyone", "200 and a style sheet, an icon or the script of the pages", ""),
    Endpoint("GET", CREDENTIALS_PATH, "everyone, in an environment with stand-ins", "200 and the credentials of the mock clients; 404 elsewhere", "user-restricted 15.1"),
)
"""They are 404 in an environment without stand-in providers, as every live one is."""

_CLIENT: Final = "a mailbox: client certificate, token `NHSMESH`, on the mutual-TLS port only"
_BOX: Final = BASE + "/{mailbox}"
_MAILBOXES: Final = (
    Endpoint("GET", BASE + "/_ping", "a client certificate, on the mutual-TLS port only", "200 when the mailbox server runs", "itk3-messaging 5.2"),
    Endpoint("GET", BASE + "/endpointlookup/{ods}/{workflow}", _CLIENT, "200 and the mailboxes of an organisation that receive a workflow", "itk3-messaging 5.2"),
    Endpoint("GET", BASE + "/workflowsearch/{workflow}", _CLIENT, "200 and every mailbox that receives a workflow", "itk3-messaging 5.2"),
    Endpoint("GET, POST", _BOX, _CLIENT, "200: the handshake; the checks, in order: [mailboxes](refusals.md#mailboxes)", "itk3-messaging 5.1, 5.2"),
    Endpoint("GET", _BOX + "/inbox", _CLIENT, "200 and the ids of messages that wait, a page at a time", "itk3-messaging 5.2"),
    Endpoint("GET", _BOX + "/count", _CLIENT, "200 and how many wait", "itk3-messaging 5.2"),
    Endpoint("GET, HEAD", _BOX + "/inbox/{message}", _CLIENT, "200 and the message, 206 and its first chunk; HEAD: its headers", "itk3-messaging 5.2, 5.3"),
    Endpoint("GET", _BOX + "/inbox/{message}/{chunk}", _CLIENT, "206 and a chunk, 200 and the last one", "itk3-messaging 5.2"),
    Endpoint("PUT", _BOX + "/inbox/{message}/status/acknowledged", _CLIENT, "200: the recipient has the message safe; again is the same", "itk3-messaging 5.2"),
    Endpoint("POST", _BOX + "/outbox", _CLIENT, "202 and the id of a message, whose first chunk is stored", "itk3-messaging 5.2, 5.3"),
    Endpoint("POST", _BOX + "/outbox/{message}/{chunk}", _CLIENT, "202: a later chunk is stored; with the last one missing the message is in the inbox", "itk3-messaging 5.2, 5.4"),
    Endpoint("GET", _BOX + "/outbox/tracking", _CLIENT, "200 and what became of a message, by its id", "itk3-messaging 5.2"),
    Endpoint("GET", _BOX + "/outbox/tracking/{local_id}", _CLIENT, "the same by the sender's own id; 300 if there are several", "itk3-messaging 5.2"),
)

ENDPOINTS: Final = (
    Endpoint("POST", "{base}/token", "a client: signed JWT, or for codes and refresh tokens `client_secret`; in `strict` signed JWT or certificate (RFC 8705)",
             "200 and an access token, every number as text; the checks, in order, with their refusals: [authorisation server](refusals.md#the-authorisation-server), [tokens of users](refusals.md#tokens-of-users)",
             "RFC 6749, RFC 7523, RFC 8693, user-restricted 3 and 4"),
    Endpoint("GET", "{base}/authorize", "a user's browser, sent by an application",
             "302 to the sign-in provider, with a cookie; the checks, in order: [sign-in](refusals.md#sign-in)", "RFC 6749 section 4.1, user-restricted 4.1"),
    Endpoint("GET", "{base}/callback", "a user's browser, sent back by the provider",
             "302 to the application, with a code that is good for 300 s", "user-restricted 4.3"),
    Endpoint("GET", "{base}/userinfo", "the holder of an access token that came of a code, of NHS CIS2",
             "the provider's answer about the user; 400 [`userinfo-not-combined`](refusals.md#userinfo-not-combined) for other tokens", "user-restricted 7.1"),
    Endpoint("POST", "{base}/backchannel_logout", "NHS CIS2, with a logout token",
             '200 `{"success":true}` when every sign-in of the session has ended', "OpenID Connect Back-Channel Logout, user-restricted 7.2"),
    Endpoint("POST", "{base}/par", "a client of the profile `strict`, as at the token endpoint",
             "201 and a `request_uri` that is good for 60 s, once", "RFC 9126"),
    Endpoint("POST", "{base}/introspect", "a client, as at the token endpoint; it sees its own tokens, a resource server sees all",
             '200 `{"active": …}`; false for everything the caller may not see', "RFC 7662"),
    Endpoint("POST", "{base}/revoke", "a client, for tokens of its own",
             "200 when the token is refused everywhere, with a refresh token its whole sign-in, or was worth nothing", "RFC 7009"),
    Endpoint("GET", "{base}/jwks", "everyone", "200 and the keys that access tokens are or will be signed with", "RFC 7517"),
    Endpoint("GET", "{base}/_ping", "everyone", "200 and the version", "application-restricted 12"),
    Endpoint("GET", "{base}/_status", "the holder of the monitoring key (header `apikey`)",
             "200 and `pass`, `warn` or `fail`; 401 [`status-key-invalid`](refusals.md#status-key-invalid)", "application-restricted 12"),
    Endpoint("GET", METADATA, "everyone", "200 and the metadata of `/oauth2`", "RFC 8414"),
    Endpoint("GET", METADATA + "{base}", "everyone", "200 and the metadata of that issuer", "RFC 8414 section 3.1"),
    Endpoint("GET", MOCK_JWKS + "{base64url of a key set}", "everyone", "200 and the key set that the path spells, if it is one", "application-restricted 6.1"),
    *_STAND_INS,
    Endpoint("GET", "/pki/crl/{authority}.crl", "everyone", "200 and the revocation list in DER; 404 for an unknown authority", "RFC 5280"),
    Endpoint("GET", "/pki/ca/{authority}.crt", "everyone", "200 and the authority's certificate in DER; 404 for an unknown authority", "RFC 5280"),
    Endpoint("GET", "/pki/ca.pem", "everyone", "200 and the roots in PEM", ""),
    Endpoint("POST", "/pki/ocsp", "everyone", "200 and an OCSP response; 408, 413, 415 for requests too slow, above 4 KiB, of another type", "RFC 6960"),
    Endpoint("GET", "/pki/ocsp/{base64 of a request}", "everyone", "200 and an OCSP response; 414 for a request above 4 KiB", "RFC 6960, RFC 5019"),
    Endpoint("POST", "/pki/tsa", "everyone", "200 and a time-stamp response; 408, 413, 415 for requests too slow, above 4 KiB, of another type", "RFC 3161"),
    Endpoint("GET", SYSTEM_DIRECTORY.base_path + "/Device", f"an application with a product that lists the API `{SYSTEM_DIRECTORY.name}` (header `apikey`)",
             "200 and a bundle of systems; the checks, in order: [the system directory](refusals.md#the-system-directory)", "spine 7.5"),
    Endpoint("GET", SYSTEM_DIRECTORY.base_path + "/Endpoint", "the same", "200 and a bundle of endpoints", "spine 7.5"),
    *_MAILBOXES,
    Endpoint("GET", "{api}" + HEALTH_PATHS[0], "everyone", "200 and the version; the backend is not asked", "application-restricted 12"),
    Endpoint("GET", "{api}" + HEALTH_PATHS[1], "the holder of the monitoring key (header `apikey`)",
             "200 and `pass` or `fail`, after asking the backend; 401 [`api-status-key-invalid`](refusals.md#api-status-key-invalid) with an empty body", "application-restricted 12"),
)
NOTES: Final = f"""
Where `GET` is taken, `HEAD` is too. `OPTIONS` below `/oauth2` and `/oauth2-mock` answers CORS preflights in the profile `nhs`, as the national
platform does. The authorisation server has {len(POSTED)} endpoints that take `POST`, {len(GOT)} that take `GET` without `HEAD`, and {len(READ)}
that are read; another method is refused with 405 [`token-method-not-post`](refusals.md#token-method-not-post) or
[`method-not-get`](refusals.md#method-not-get), another path with 404 [`oauth-path-unknown`](refusals.md#oauth-path-unknown).

The stand-in providers have sixteen mock realms, `Cis2-mock-…` and `NHS-Login-mock-…` for eight environments, and each its own paths, whose discovery
documents are at `/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare/.well-known/openid-configuration` and
`/standins/nhs-login/.well-known/openid-configuration`.

The system directory is asked over LDAP too, on ports of their own that `wardgate up` opens when it is asked to
([how to](../how-to/ask-the-directory.md)).

What a mailbox server answers is never cached and has `X-Content-Type-Options: nosniff`: the type of a message's content is its sender's word. Of bodies above 64 KiB it takes and gives
so many at once, of one mailbox and in all ([`WARDGATE_MESH_TRANSFERS`](settings.md), `WARDGATE_MESH_MAILBOX_TRANSFERS`); one more is answered by [`mesh-busy`](refusals.md#mesh-busy).

A tester can have mailboxes emptied and reports put into them: `WARDGATE_MESH_TEST_ROUTES` ([settings](settings.md)) adds `DELETE /messageexchange/admin/reset`,
`DELETE /messageexchange/admin/reset/{{mailbox}}` and `POST /messageexchange/admin/report`, which need no token and are never there in a live environment.

The secure proxy listens on a port of its own (`--relay-port`), on which nothing else is served: its APIs relay `/ssp/https://…` and the like.

The [demo](demo.md)'s backends and its surgery listen on ports of their own on loopback and are not public; the surgery lets in the secure proxy only. The control plane's socket (xDS, decisions) is a
Unix socket in the data directory, readable by its owner only, and no route leads to it from outside.
"""


def page() -> str:
    """Return the whole page."""
    rows = ["| method | path | who may | answers | after |", "|---|---|---|---|---|"]
    rows += [f"| {row.methods} | `{row.path}` | {row.who} | {row.answers} | {row.after} |" for row in ENDPOINTS]
    return "\n".join([INTRODUCTION, *rows, NOTES])
