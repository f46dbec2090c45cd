"""HAProxy doing what the signed-JWT route does: `jwt_verify`, expiry, audience, revoked ids, product, scope, a rate limit, a log line."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.machine import SERVER_CORE, program, started, wait_port
from bench.world import API_NAME, AUDIENCE, SCOPE, Realm
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.security_patterns.request_id import UUID

_CONFIGURATION: Final = """
global
  nbthread 1
  maxconn 4096
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2
  tune.pattern.cache-size 100000
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 30s
  timeout http-request 15s
  timeout http-keep-alive 300s
frontend gateway
  bind 127.0.0.1:{port} ssl crt {directory}/haproxy.pem alpn http/1.1
  stick-table type string len 64 size 100k expire 2m store http_req_rate(60s)
  unique-id-format %[uuid()]
  unique-id-header X-Message-ID
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str ES256 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_verify(txn.alg,"{directory}/haproxy-key.pem") -m int 1 }}
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.bearer),jwt_payload_query('$.aud') -m str {audience} }}
  http-request set-var(txn.jti) var(txn.bearer),jwt_payload_query('$.jti')
  http-request deny deny_status 401 if {{ var(txn.jti) -m str -f {directory}/haproxy-revoked }}
  http-request set-var(txn.client) var(txn.bearer),jwt_payload_query('$.client_id')
  http-request deny deny_status 401 unless {{ var(txn.client),concat("|{api}") -m str -f {directory}/haproxy-granted }}
  http-request deny deny_status 403 unless {{ var(txn.bearer),jwt_payload_query('$.scope') -m sub {scope} }}
  http-request track-sc0 var(txn.client)
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1000000000 }}
  http-request del-header authorization
  http-request del-header apikey
  http-request del-header nhsd-application -m beg
  http-request set-header X-Request-ID %[unique-id] unless {{ req.hdr(x-request-id) -m reg ^{uuid}$ }}
  http-request set-var(txn.rid) req.hdr(x-request-id)
  http-request set-var(txn.cid) req.hdr(x-correlation-id)
  http-request set-header NHSD-Request-ID %[var(txn.rid)]
  http-request set-header NHSD-Correlation-ID %[var(txn.rid)].%[var(txn.cid)].%[unique-id]
  http-request del-header x-request-id
  http-request del-header x-correlation-id
  http-response set-header Strict-Transport-Security "max-age=31536000; includeSubDomains"
  http-response set-header X-Request-ID %[var(txn.rid)]
  default_backend api
backend api
  server api 127.0.0.1:{backend_port}
"""


@contextlib.contextmanager
def running(directory: Path, port: int, backend_port: int, realm: Realm, tls: TLSMaterial) -> Iterator[list[int]]:
    """Run HAProxy on a port; yields the ids of its processes."""
    (directory / "haproxy.pem").write_text(tls.certificate_chain_pem + tls.private_key_pem)
    (directory / "haproxy-key.pem").write_text(realm.verifying_pem)
    (directory / "haproxy-revoked").write_text("\n".join(sorted(realm.revoked)) + "\n")
    granted = (f"{realm.application(number)}|{api}" for number in range(realm.population.applications) for api in ("hello", API_NAME, "records"))
    (directory / "haproxy-granted").write_text("\n".join(granted) + "\n")
    configuration = directory / "haproxy.cfg"
    configuration.write_text(_CONFIGURATION.format(directory=directory, port=port, backend_port=backend_port, api=API_NAME, scope=SCOPE, audience=AUDIENCE, uuid=UUID.pattern))
    with started([program("haproxy"), "-db", "-f", str(configuration)], SERVER_CORE, directory / "haproxy.log") as process:
        wait_port(port)
        yield [process.pid]
