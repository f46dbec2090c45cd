"""What is known of a request before anything is decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Listener(StrEnum):
    """The door a request came through: TLS, TLS asking for a client certificate, or plain HTTP on loopback."""

    HTTPS = "https"
    MTLS = "mtls"
    HTTP = "http"


class CertificateStatus(StrEnum):
    """What TLS found out about the caller's certificate."""

    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class PresentedCertificate:
    """A client certificate: `fingerprint` is lower-case hex SHA-256 of its DER, `name` its one DNS name.

    Without any DNS name it is the CN, of a subject that has nothing else (application-restricted 8.1).
    """

    fingerprint: str
    name: str | None
    status: CertificateStatus = CertificateStatus.VALID


@dataclass(frozen=True, slots=True)
class Facts:
    """One request. `path` is normalised, its percent-encoding kept, and has no query; header names are lower case, a repeated header is joined by commas."""

    listener: Listener
    method: str
    path: str
    headers: Mapping[str, str]
    now: datetime
    certificate: PresentedCertificate | None = None
    query: str = ""
    """What follows the `?`, as it came: for the few rules of Spine APIs that read parameters."""
