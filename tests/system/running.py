"""A whole Wardgate as its operator runs it: `wardgate up` as a child process, real Envoy, real ports, a real database."""

import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click.testing
import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from command_result import CommandResult
from free_ports import free_ports
from wardgate.cli import main
from wardgate.client.environments import Environment
from wardgate.demo.keys import KEYS, private_pem
from wardgate.jose import base64url
from wardgate.jose.algorithms import ALGORITHMS
from warm import WarmProcess

PROGRAM = Path(sys.executable).with_name("wardgate")
READY_SECONDS = 120.0
STOP_SECONDS = 30.0
TIMEOUT = httpx2.Timeout(30.0)
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MANY_TOKENS = {"WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}
"""For tests that ask for more tokens than an application may."""


def resident_kib(pid: int) -> int:
    """Return the resident memory of a process."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1])


def until(true: Callable[[], Any], seconds: float = 60.0, what: str = "it") -> Any:
    """Return the first true answer; fail when there is none in time, which is generous: a slow machine is no finding."""
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return found


@dataclass
class Wardgate:
    """One data directory, its ports, and the process that serves them while it runs."""

    data: Path
    log: Path
    arguments: tuple[str, ...] = ("--demo",)
    environ: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    mtls_port: int = 0
    http_port: int | None = 0
    smartcard_port: int | None = 0
    demo_port: int = 0
    relay_port: int | None = 0
    provider_port: int = 0
    started_by: tuple[str, ...] = ()
    """A command that runs the rest of its command line."""
    process: subprocess.Popen[bytes] | WarmProcess | None = None
    seconds_to_ready: float = 0.0

    def __post_init__(self) -> None:
        self.port, self.mtls_port, http, smartcard, self.demo_port, relay, self.provider_port = free_ports(7)
        self.relay_port = relay if self.relay_port is not None else None
        self.http_port = http if self.http_port is not None else None
        self.smartcard_port = smartcard if self.smartcard_port is not None else None

    @property
    def url(self) -> str:
        """The base URL of the TLS port."""
        return f"https://localhost:{self.port}"

    @property
    def mtls_url(self) -> str:
        """The base URL of the mutual-TLS port."""
        return f"https://localhost:{self.mtls_port}"

    @property
    def relay_url(self) -> str:
        """The base URL of the secure proxy."""
        return f"https://localhost:{self.relay_port}"

    @property
    def smartcard_url(self) -> str:
        """The base URL of the smartcard port."""
        return f"https://localhost:{self.smartcard_port}"

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return Environment(self.url).token_url

    @property
    def ca(self) -> Path:
        """The trust anchor that `up` wrote."""
        return self.data / "ca.pem"

    def command(self) -> list[str]:
        """Return the command line of `wardgate up`."""
        plain = ["--http-port", str(self.http_port)] if self.http_port else []
        cards = ["--smartcard-port", str(self.smartcard_port)] if self.smartcard_port else []
        ports = ["--port", str(self.port), "--mtls-port", str(self.mtls_port), *plain, *cards, "--demo-port", str(self.demo_port)]
        ports += ["--relay-port", str(self.relay_port)] if self.relay_port else []
        return [*self.started_by, str(PROGRAM), "up", *self.arguments, "--data", str(self.data), *ports]

    def spawn(self) -> subprocess.Popen[bytes] | WarmProcess:
        """Start the process without waiting."""
        with self.log.open("ab") as log:
            log.write(f"--- start at {time.time():.3f}\n".encode())
            self._offset = log.tell()
            if self.started_by:
                self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment())
            else:
                self.process = WarmProcess(self.command()[1:], self.environment(), log.fileno())
        return self.process

    def start(self) -> float:
        """Start and wait for the line `ready`; return how many seconds it took. Fails with the log."""
        began = time.monotonic()
        process = self.spawn()
        while True:
            said = self.said()
            if any(line.startswith("ready ") for line in said.splitlines()):
                self.seconds_to_ready = time.monotonic() - began
                return self.seconds_to_ready
            ended = process.poll()
            assert ended is None, f"wardgate up ended with {ended}:\n{said}\n{self.envoy_log()}"
            assert time.monotonic() - began < READY_SECONDS, f"no `ready` within {READY_SECONDS} s:\n{said}\n{self.envoy_log()}"
            time.sleep(0.01)

    def said(self) -> str:
        """Return what the process printed since its last start."""
        return self.log.read_bytes()[self._offset:].decode(errors="replace")

    def envoy_log(self) -> str:
        """Return Envoy's own log."""
        path = self.data / "run" / "envoy.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def envoy_pid(self) -> int:
        """Return the process id of the Envoy that serves."""
        return int(json.loads((self.data / "run" / "envoy.pid").read_text())["pid"])

    def envoy_is_running(self) -> bool:
        """Return whether an Envoy of this data directory runs."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            return is_running(self.envoy_pid())
        return False

    def stop(self) -> None:
        """Stop by SIGTERM; fails unless it ends with 0, in time, leaving no Envoy and no complaint."""
        process = self.process
        assert process is not None
        envoy = self.envoy_pid()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill_everything()
            raise AssertionError(f"did not stop within {STOP_SECONDS} s:\n{self.said()}") from None
        self.process = None
        assert code == 0, f"ended with {code}:\n{self.said()}"
        assert not is_running(envoy), "Envoy outlived a clean stop"
        assert "Traceback" not in self.said(), self.said()

    def kill(self) -> None:
        """SIGKILL the control plane; Envoy goes on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def kill_envoy(self) -> int:
        """SIGKILL Envoy; return the id it had."""
        pid = self.envoy_pid()
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_everything(self) -> None:
        """End both without ceremony, at the end of a test that failed or that leaves Envoy alone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        with contextlib.suppress(OSError, ValueError, KeyError):
            self.kill_envoy()

    def cli(self, *arguments: Any, stdin: str | bytes | None = None) -> CommandResult:
        """Run a command on this data directory, in this process."""
        environ = {"WARDGATE_DATA": str(self.data), "WARDGATE_URL": None, **self.environ}
        result = click.testing.CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin, env=environ)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return CommandResult(result.exit_code, result.stdout, result.stderr)

    def done(self, *arguments: Any, stdin: str | bytes | None = None) -> Any:
        """Run a command that must succeed, and return its JSON."""
        result = self.cli(*arguments, "--output", "json", stdin=stdin)
        assert result.code == 0, f"wardgate {' '.join(map(str, arguments))}: {result.code}\n{result.out}\n{result.err}"
        return json.loads(result.out)

    def trust(self) -> ssl.SSLContext:
        """Return the TLS context of a caller who has ca.pem."""
        return ssl.create_default_context(cafile=str(self.ca))

    def client(self, *, mutual_tls: tuple[Path, Path] | None = None, **more: Any) -> httpx2.Client:
        """Return a client of the TLS port, or with (chain, key) of the mutual-TLS port. Close it."""
        context = self.trust()
        if mutual_tls is not None:
            context.load_cert_chain(*mutual_tls)
        base = self.mtls_url if mutual_tls is not None else self.url
        return httpx2.Client(base_url=base, verify=context, timeout=TIMEOUT, trust_env=False, **more)

    def assertion(self, application: str = "demo-app", *, sign_with: str = "demo-1", header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """Return an assertion; members given as None are left out."""
        return assertion(application, self.token_url, sign_with=sign_with, header=header, **claims)

    def form(self, application: str = "demo-app", **changes: Any) -> dict[str, str]:
        """Return the form of a good token request; members given as None are left out."""
        good = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        if "client_assertion" not in changes:
            good["client_assertion"] = self.assertion(application)
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, client: httpx2.Client, application: str = "demo-app", **how: Any) -> str:
        """Return a new access token."""
        answer = client.post("/oauth2/token", data=self.form(application, client_assertion=self.assertion(application, **how)))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def environment(self) -> dict[str, str]:
        """Return the environment of the process: no setting but this instance's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WARDGATE_")}
        return kept | {"WARDGATE_DEMO_PROVIDER_PORT": str(self.provider_port)} | dict(self.environ) | {"PYTHONUNBUFFERED": "1"}


def assertion(
    application: str, audience: str, *, sign_with: str = "demo-1", header: Mapping[str, Any] | None = None, **claims: Any
) -> str:
    """Return a client assertion signed with a demo key; header members and claims given as None are left out."""
    key = next(found for found in KEYS if found.kid == sign_with)
    members = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid} | dict(header or {})
    client_id = f"{application}-key-not-a-secret"
    stated = {"iss": client_id, "sub": client_id, "aud": audience, "jti": os.urandom(12).hex(), "exp": int(time.time()) + 240} | claims
    parts = [{name: value for name, value in part.items() if value is not None} for part in (members, stated)]
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in parts)
    return f"{text}.{base64url.encode(ALGORITHMS[key.algorithm].sign(_private_key(sign_with), text.encode()))}"


_loaded: dict[str, Any] = {}


def _private_key(kid: str) -> Any:
    if kid not in _loaded:
        _loaded[kid] = load_pem_private_key(private_pem(kid).encode(), None)
    return _loaded[kid]


@contextlib.contextmanager
def backends_apart() -> Iterator[int]:
    """Serve the demo's backends in a process that is killed with nobody; yield their port."""
    (port,) = free_ports(1)
    code = f"import uvicorn; from wardgate.demo.backends import backends; uvicorn.run(backends(), port={port}, log_level='error')"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port), what="the backends' start")
        yield port
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def certificate(wardgate: Wardgate, application: str, directory: Path) -> tuple[Path, Path]:
    """Issue a certificate for an application as its developer and the operator do; return chain and key."""
    listed = wardgate.done("app", "show", application)
    name = listed["tls_client_auth_san_dns"] or "epr.example.thirdparty.nhs.uk"
    made = Path(tempfile.mkdtemp(prefix=application, dir=directory))
    signed_request(name, made)
    wardgate.done("cert", "issue", "--csr", made / "request.csr", "--app", application, "--out", made)
    return made / "chain.pem", made / "key.pem"


def signed_request(name: str, directory: Path) -> None:
    """Write `key.pem` and `request.csr` for a name, as whoever has it does."""
    key = rsa.generate_private_key(65537, 2048)
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256())
    (directory / "request.csr").write_bytes(csr.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def is_running(pid: int) -> bool:
    """Return whether the process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def running(directory: Path, *arguments: str, start: bool = True, environ: Mapping[str, str] | None = None) -> Iterator[Wardgate]:
    """Start a Wardgate in an empty directory; stop it cleanly at the end, or by force when the test failed."""
    wardgate = Wardgate(directory / "data", directory / "wardgate.log", arguments or ("--demo",), environ or {})
    try:
        if start:
            wardgate.start()
        yield wardgate
    except BaseException:
        wardgate.kill_everything()
        print(wardgate.log.read_text(errors="replace") if wardgate.log.exists() else "no log")
        raise
    if wardgate.process is not None:
        wardgate.stop()
    else:
        wardgate.kill_everything()
