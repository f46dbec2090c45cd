"""Who calls: the credentials of `wardgate token` and `wardgate call`, found in files, the environment or the store."""

import functools
import os
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import httpx2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wardgate.applications import Application, Profile
from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE, WHERE_SERVED, Command, ca_option, read_input
from wardgate.client import (
    APIKeyAuth,
    ClientAssertion,
    ClientSecret,
    Environment,
    PrivateKeySigner,
    SignedJWTAuth,
    UserApplication,
    tls_ma_context,
    trust_context,
)
from wardgate.client.clients import api_client
from wardgate.client.clock import SYSTEM_CLOCK, Clock, SystemClock
from wardgate.client.retry import RetryPolicy
from wardgate.server import serving
from wardgate.stores.ports import Credential

API_KEY_VARIABLE: Final = "WARDGATE_API_KEY"
CLIENT_SECRET_VARIABLE: Final = "WARDGATE_CLIENT_SECRET"  # noqa: S105 - the name of a variable
KEY_PASSWORD_VARIABLE: Final = "WARDGATE_KEY_PASSWORD"  # noqa: S105 - the name of a variable
DEMO_KID: Final = "demo-1"


class _Ahead(SystemClock):
    """A clock that is ahead; waiting takes as long as ever."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead


@dataclass(frozen=True, slots=True)
class Caller:
    """What the options of one command say about the caller and the server."""

    world: World
    app: str | None
    base_url: str | None
    oauth_path: str
    ca: Path | None
    key_file: Path | None
    kid: str | None
    cert: Path | None
    cert_key: Path | None

    def environment(self, *, mutual_tls: bool = False) -> Environment:
        """Return where the server is. Raises `Failed` for a URL that is not one."""
        try:
            where = serving.read(self.world.data)
            return Environment.at(self.base_url or (where.mtls if mutual_tls else where.https), self.oauth_path)
        except ValueError as error:
            raise Failed(f"{self.base_url}: {error}") from None

    def client(self, auth: httpx2.Auth | None = None, *, mutual_tls: bool = False, attempts: int = 1) -> httpx2.Client:
        """Return a client for the environment. Without `--retry` a failure is shown, not tried again."""
        return api_client(self.environment(mutual_tls=mutual_tls), auth=auth, tls=self._tls(mutual_tls),
                          retry=RetryPolicy(attempts=attempts))

    def api_key(self) -> str:
        """Return the API key: of WARDGATE_API_KEY, else the application's newest in the store that is approved."""
        from_environment = os.environ.get(API_KEY_VARIABLE)
        if from_environment:
            return from_environment.strip()
        if self.app is None:
            raise click.UsageError(f"name the caller with --app, or set {API_KEY_VARIABLE}")
        return self._credential(self.app).key

    def client_secret(self) -> str | None:
        """Return the secret of the API key: of WARDGATE_CLIENT_SECRET, else what the store has beside the key; None: there is none."""
        from_environment = os.environ.get(CLIENT_SECRET_VARIABLE)
        if from_environment:
            return from_environment.strip()
        return None if self.app is None or os.environ.get(API_KEY_VARIABLE) else self._credential(self.app).secret

    def _credential(self, app: str) -> Credential:
        """Return the application's newest API key, an approved one first."""
        credentials = sorted(self.world.stores.credentials.of(app), key=lambda c: (c.status == "approved", c.issued))
        if not credentials:
            self.application()
            raise Failed(f"the application {app} has no API key: wardgate app rotate-key {app}")
        return credentials[-1]

    def callback_urls(self) -> tuple[str, ...]:
        """Return where the application's users may come back to; none for an application that the store does not know."""
        return self.application().callback_urls if self.app is not None and self.world.exists else ()

    def may_renew(self) -> bool:
        """Whether the application can prove itself at the refresh grant."""
        return self.is_strict() or self.client_secret() is not None

    def user_application(self, *, exchanges: bool) -> UserApplication:
        """Return the application as one with users. `exchanges`: it needs its private key. Raises `Failed` and `KeyUnusable`."""
        strict, key = self.is_strict(), self.api_key()
        secret = None if strict else self.client_secret()
        if not strict and not exchanges and secret is None:
            raise Failed(f"the API key of {self.app or 'the application'} has no client secret, with which codes are redeemed: "
                         f"wardgate app rotate-key makes both, or set {CLIENT_SECRET_VARIABLE}")
        assertion = self.assertion(key) if exchanges or strict else None
        proof = ClientSecret(key, secret) if secret is not None else assertion
        assert proof is not None  # noqa: S101 - without a secret there is an assertion
        return UserApplication(self.environment(), proof, exchange_authentication=assertion, pushed=strict, issuer_required=strict,
                               tls=self.trust(), clock=self.clock())

    def clock(self) -> Clock:
        """Return the clock that the environment's tokens go by: this machine's, or the virtual one of the installation here."""
        ahead = self.world.clock_shift if self.world.exists else timedelta(0)
        return _Ahead(ahead) if ahead else SYSTEM_CLOCK

    def assertion(self, client_id: str) -> ClientAssertion:
        """Return the proof by the caller's private key. Raises `Failed` and `KeyUnusable`."""
        path, kid = self._private_key()
        return ClientAssertion(client_id, self._signer(path), kid)

    def application(self) -> Application:
        """Return the application as the manifest in the store has it. Raises `Failed`."""
        _, manifest = self.world.manifest()
        found = next((application for application in manifest.applications if application.name == self.app), None)
        if found is None:
            raise Failed(f"there is no application {self.app}: wardgate app list")
        return found

    def signed_jwt(self, attempts: int = 1) -> SignedJWTAuth:
        """Return the auth that signs with the caller's private key. Raises `Failed` and `KeyUnusable`."""
        path, kid = self._private_key()
        signer = self._signer(path)
        return SignedJWTAuth.of(self.environment(), self.api_key(), signer, kid=kid, retry=RetryPolicy(attempts=attempts))

    def api_key_auth(self) -> APIKeyAuth:
        """Return the auth that sends the API key."""
        try:
            return APIKeyAuth(self.api_key())
        except ValueError as error:
            raise Failed(str(error)) from None

    def trust(self) -> ssl.SSLContext:
        """Return what the server's certificate is verified with."""
        return trust_context(self.anchor)

    @property
    def key_password(self) -> str | None:
        """The password of the private key."""
        return os.environ.get(KEY_PASSWORD_VARIABLE)

    @property
    def anchor(self) -> Path | None:
        """The file of roots that the server's certificate is verified with; None: this machine's."""
        return self.ca or (self.world.data / "ca.pem" if (self.world.data / "ca.pem").is_file() else None)

    def _tls(self, mutual_tls: bool) -> ssl.SSLContext:
        if not mutual_tls:
            return self.trust()
        if self.cert is None or self.cert_key is None:
            raise click.UsageError("tls-ma needs --cert (the chain, leaf first) and --cert-key; wardgate cert issue makes the first")
        return tls_ma_context(self.cert, self.cert_key, self.anchor, self.key_password)

    def _private_key(self) -> tuple[Path, str]:
        """Return the private key's file and its kid: what the options say, else the demo's for this application."""
        if self.key_file is not None:
            return self.key_file, self.kid or self.key_file.stem
        if self.app is None:
            raise click.UsageError("give the private key with --key-file, or name a demo application with --app")
        kids = [self.kid] if self.kid is not None else [*self._registered_kids(), DEMO_KID]
        for kid in kids:
            path = self.world.data / "demo" / f"{kid}.pem"
            if kid == Path(kid).name and path.is_file():
                return path, kid
        raise Failed(f"no private key for {self.app}: give --key-file and --kid (the demo's keys are in {self.world.data / 'demo'})")

    def _registered_kids(self) -> list[str]:
        keys = (self.application().jwks or {}).get("keys", [])
        return [key["kid"] for key in keys if isinstance(key, dict) and isinstance(key.get("kid"), str)]

    def _signer(self, path: Path) -> PrivateKeySigner:
        password = os.environ.get(KEY_PASSWORD_VARIABLE)
        pem, secret = read_input(path, "the private key"), password.encode() if password else None
        return PrivateKeySigner.from_pem(pem, self._algorithm(pem, secret), secret)

    def _algorithm(self, pem: bytes, password: bytes | None) -> str:
        """Return the algorithm that the key's kind and the application's profile call for."""
        try:
            key = load_pem_private_key(pem, password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return "RS512"  # the signer says what is wrong with the key
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return "ES256"
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return "EdDSA"
        return "PS256" if isinstance(key, rsa.RSAPrivateKey) and self.is_strict() else "RS512"

    def is_strict(self) -> bool:
        """Whether the application has the profile `strict`."""
        if self.app is None:
            return False
        return (self.application().profile or self.world.environment.profile) is Profile.STRICT


def with_caller(command: Command) -> Command:
    """Add the options that say who calls and where, and pass a `caller`. Goes under `with_world`."""
    @click.option("--app", default=None, metavar="NAME", help=f"The calling application. Its API key is read from the store, or from {API_KEY_VARIABLE}.")
    @click.option("--base-url", envvar="WARDGATE_URL", show_envvar=True, default=None, show_default=f"{WHERE_SERVED}; its mutual-TLS port for tls-ma",
                  help="Scheme, host and port of the environment; the national platform's work too.")
    @click.option("--oauth-path", default="/oauth2", show_default=True, help="Base path of the authorisation server.")
    @ca_option
    @click.option("--key-file", type=IN_FILE, default=None, help=f"The private key that signs, in PEM. [default: the demo's, DATA/demo/<kid>.pem] A password comes from {KEY_PASSWORD_VARIABLE}.")
    @click.option("--kid", default=None, help="The key's name in the key set. [default: the name of the key file without .pem]")
    @click.option("--cert", type=IN_FILE, default=None, help="For tls-ma and --asid: the certificate chain in PEM, leaf first. [default with --asid: the one kept in DATA/systems/ASID]")
    @click.option("--cert-key", type=IN_FILE, default=None, help="For tls-ma and --asid: the certificate's private key in PEM.")
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, world: World, app: str | None, base_url: str | None, oauth_path: str, ca: Path | None,
        key_file: Path | None, kid: str | None, cert: Path | None, cert_key: Path | None, **options: Any,
    ) -> Any:
        caller = Caller(world, app, base_url, oauth_path, ca, key_file, kid, cert, cert_key)
        return command(*arguments, caller=caller, **options)

    return wrapped
