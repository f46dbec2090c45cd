"""The listener for smartcards: asks every browser for a certificate, and takes whatever it presents, or nothing.

It leads to the smartcard page of the stand-in NHS CIS2 and to nothing else. TLS proves here that the caller holds the key of
the certificate it shows; whose certificate that is, and whether it is still good, is judged by `standins.methods.smartcard`,
which knows every certificate by its fingerprint and can say on a page what is wrong. So a bad certificate is not a dead
connection, whatever the TLS-MA profile is; and the ports that applications and browsers use otherwise stay as they are.
"""

from typing import Final

from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources import door, log_format
from wardgate.dataplane.resources.envoy import HTTP, JSON, T, duration, named

NAME: Final = "smartcard"
"""What the door tells Wardgate in `x-wardgate-listener`, which no caller can send."""
PATHS: Final = r"(/realms/Cis2-mock-[a-z-]+|/standins/nhs-cis2/[A-Za-z0-9/]+)/login-actions/smartcard|/standins/assets/[A-Za-z0-9._/-]+"
"""The smartcard page of every stand-in NHS CIS2, and what it looks like."""
TIMEOUT_SECONDS: Final = 30


def connection_manager(layout: Layout) -> JSON:
    """Return the HTTP connection manager. One request a connection: each card is asked for, and proved, anew."""
    to_wardgate = {
        "match": {"safe_regex": {"regex": PATHS}}, "name": "wardgate smartcard",
        "metadata": {"filter_metadata": {"wardgate": {"api": "", "route": "", "dialect": "fault", "pattern": "wardgate"}}},
        "route": {"cluster": "wardgate-public", "timeout": duration(TIMEOUT_SECONDS)},
    }
    nothing = {"match": {"prefix": "/"}, "name": "no-api route-not-found", "direct_response": {"status": 404},
               "metadata": {"filter_metadata": {"wardgate": {"pattern": "wardgate"}}}}
    return {
        "@type": T + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": NAME,
        "route_config": {"name": "routes-smartcard", "virtual_hosts": [{"name": "smartcard", "domains": ["*"], "routes": [to_wardgate, nothing]}]},
        "http_filters": [
            door.request_id_filter(), door.state_filter(None),
            named("envoy.filters.http.router", HTTP + "router.v3.Router", suppress_envoy_headers=True, dynamic_stats=False),
        ],
        "early_header_mutation_extensions": [door.header_mutations(NAME)],
        "forward_client_cert_details": "SANITIZE_SET", "set_current_client_cert_details": {"subject": True},
        "access_log": log_format.request_logs(str(layout.access_log)),
        "use_remote_address": True, "preserve_external_request_id": True, "always_set_request_id_in_response": True,
        "normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "server_header_transformation": "PASS_THROUGH", "max_request_headers_kb": 60,
        "common_http_protocol_options": {
            "idle_timeout": duration(TIMEOUT_SECONDS), "headers_with_underscores_action": "REJECT_REQUEST", "max_headers_count": 100,
            "max_requests_per_connection": 1, "max_connection_duration": duration(2 * TIMEOUT_SECONDS),
        },
        "request_headers_timeout": duration(15), "request_timeout": duration(TIMEOUT_SECONDS), "stream_idle_timeout": duration(TIMEOUT_SECONDS),
        "http_protocol_options": {"accept_http_10": False}, "strip_trailing_host_dot": True,
    }


def accepting(context: JSON, trust: JSON) -> JSON:
    """Return the TLS shape of a listener that asks for a certificate, names ours as the wanted issuers, and takes any."""
    common = context["common_tls_context"] | {
        "alpn_protocols": ["http/1.1"],
        "combined_validation_context": {
            "default_validation_context": {"trust_chain_verification": "ACCEPT_UNTRUSTED"}, "validation_context_sds_secret_config": trust},
    }
    return context | {"common_tls_context": common, "require_client_certificate": False,
                      "disable_stateless_session_resumption": True, "disable_stateful_session_resumption": True}
