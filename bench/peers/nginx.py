"""nginx doing what the signed-JWT route does: `auth_request` to a small authentication service that caches what it verified."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.machine import SERVER_CORE, children, program, started, wait_path, wait_port
from bench.world import AUDIENCE, SCOPE, Realm
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.security_patterns.request_id import UUID

_CONFIGURATION: Final = """
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/nginx.err; worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
 map $http_x_request_id $rid {{ "~^{uuid}$" $http_x_request_id; default $request_id; }}
 log_format line escape=json '{{"at":"$msec","id":"$request_id","client":"$client","method":"$request_method","api":"patients","correlation":"$http_x_correlation_id","request":"$rid","status":$status,"sent":$bytes_sent,"ms":"$request_time","caller":"$remote_addr"}}';
 access_log {directory}/nginx.log line buffer=64k flush=1s; keepalive_requests 100000000; keepalive_timeout 300s;
 client_body_temp_path {directory}/nb; proxy_temp_path {directory}/np; fastcgi_temp_path {directory}/nf; uwsgi_temp_path {directory}/nu; scgi_temp_path {directory}/ns;
 upstream api {{ server 127.0.0.1:{backend_port}; keepalive 256; keepalive_requests 100000000; }}
 upstream auth {{ server unix:{directory}/auth.sock; keepalive 256; keepalive_requests 100000000; }}
 server {{ listen 127.0.0.1:{port} ssl backlog=4096; ssl_certificate {directory}/nginx.pem; ssl_certificate_key {directory}/nginx.key;
  ssl_protocols TLSv1.2 TLSv1.3;
  location / {{ auth_request /authenticate; auth_request_set $client $upstream_http_x_client; proxy_pass http://api; proxy_http_version 1.1;
   proxy_set_header Connection ""; proxy_set_header Authorization ""; proxy_set_header apikey ""; proxy_set_header X-Request-ID "";
   proxy_set_header X-Correlation-ID ""; proxy_set_header NHSD-Request-ID $rid;
   proxy_set_header NHSD-Correlation-ID "$rid.$http_x_correlation_id.$request_id";
   add_header Strict-Transport-Security "max-age=31536000; includeSubDomains"; add_header X-Request-ID $rid;
   add_header X-Correlation-ID $http_x_correlation_id; }}
  location = /authenticate {{ internal; proxy_pass http://auth; proxy_http_version 1.1; proxy_pass_request_body off;
   proxy_set_header Content-Length ""; proxy_set_header Connection ""; }}
 }} }}
"""


@contextlib.contextmanager
def running(directory: Path, port: int, backend_port: int, realm: Realm, tls: TLSMaterial) -> Iterator[list[int]]:
    """Run nginx and its authentication service on the server's core; yields the ids of both processes."""
    (directory / "nginx.pem").write_text(tls.certificate_chain_pem)
    (directory / "nginx.key").write_text(tls.private_key_pem)
    settings = directory / "auth-service.json"
    settings.write_text(json.dumps({
        "key": realm.verifying_pem, "revoked": sorted(realm.revoked), "audience": AUDIENCE, "scope": SCOPE,
        "granted": [realm.application(number) for number in range(realm.population.applications)],
    }))
    configuration = directory / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(directory=directory, port=port, backend_port=backend_port, uuid=UUID.pattern))
    service = [sys.executable, "-m", "uvicorn", "bench.peers.auth_service:app", "--uds", str(directory / "auth.sock"), "--no-access-log",
               "--log-level", "error", "--http", "httptools", "--loop", "uvloop", "--lifespan", "off", "--no-server-header", "--no-date-header"]
    environment = os.environ | {"BENCH_AUTH_SERVICE": str(settings)}
    with (
        started(service, SERVER_CORE, directory / "auth-service.out", env=environment, cwd=Path(__file__).parents[2]) as auth,
        started([program("nginx"), "-p", str(directory), "-c", str(configuration)], SERVER_CORE, directory / "nginx.out") as proxy,
    ):
        wait_port(port)
        wait_path(directory / "auth.sock")
        yield [*children(auth.pid), *children(proxy.pid)]
