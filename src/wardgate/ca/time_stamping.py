"""The environment's time-stamping authority (RFC 3161): says when it saw a digest, by the real time, with a key for nothing else."""

from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from wardgate.ca.errors import NotEnsured
from wardgate.ca.keys import Randomness, from_pem
from wardgate.ca.server_certificate import ServerCertificates
from wardgate.cms.oids import WARDGATE
from wardgate.cms.time_stamp import (
    Failure,
    RequestRefused,
    read_request,
    write_refusal,
    write_response,
    write_token,
)
from wardgate.stores.errors import StoreError

POLICY: Final = f"{WARDGATE}.4"
"""To the second, by the clock of the machine; the key is sealed in the store and serves nothing else."""
ALGORITHM: Final = "RS256"
"""RSASSA-PKCS1-v1_5 with SHA-256: what every client of time-stamps reads."""


class TimeStamping:
    """Answers requests. Its certificate is made on first use and renewed before it is over, as the gateway's are."""

    def __init__(self, certificates: ServerCertificates, randomness: Randomness) -> None:
        self._certificates = certificates
        self._randomness = randomness

    def answer(self, request: bytes, now: datetime) -> bytes:
        """The answer to a TimeStampReq in DER; refusals are answers too."""
        try:
            asked = read_request(request, frozenset({POLICY}))
            held = self._certificates.current((), now)
        except RequestRefused as refused:
            return write_refusal(refused.failure, str(refused))
        except (StoreError, NotEnsured):
            return write_refusal(Failure.SYSTEM_FAILURE, "try again")
        key = from_pem(held.private_key_pem)
        token = write_token(
            asked, policy=POLICY, serial=self._randomness.new_serial(), at=now, algorithm_name=ALGORITHM,
            certificate=x509.load_pem_x509_certificate(held.chain_pem.encode("ascii")), sign=lambda octets: key.sign(octets, PKCS1v15(), hashes.SHA256()),
        )
        return write_response(token)
