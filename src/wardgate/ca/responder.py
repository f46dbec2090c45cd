"""Answering OCSP requests from the store (RFC 6960, RFC 5019). Each authority signs for what it issued."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from wardgate.ca.hierarchy import HeldAuthority, Hierarchy
from wardgate.ca.records import spelt_serial
from wardgate.ca.settings import CASettings
from wardgate.pki.crl import Revoked
from wardgate.pki.errors import OCSPRequestRefused
from wardgate.pki.ocsp import Responder, Status, answers_for, error_response, respond
from wardgate.pki.ocsp_request import OCSPRequest, parse_ocsp_request
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import Certificates

TRY_LATER: Final = "tryLater"


@dataclass(frozen=True, slots=True)
class OCSPAnswer:
    """The DER to send. `next_update` is None for an error; an answer with a nonce is for one caller only."""

    body: bytes
    this_update: datetime
    next_update: datetime | None = None
    cacheable: bool = False


class OCSPResponder:
    """Answers with what the store says now. A store that cannot answer gives `tryLater`, never `good`."""

    def __init__(self, certificates: Certificates, hierarchy: Hierarchy, settings: CASettings) -> None:
        self._certificates = certificates
        self._hierarchy = hierarchy
        self._settings = settings

    def answer(self, request: bytes, now: datetime) -> OCSPAnswer:
        """The answer to a DER request; errors are answers too."""
        now = now.replace(microsecond=0)
        try:
            return self._signed(parse_ocsp_request(request), now)
        except OCSPRequestRefused as refused:
            return OCSPAnswer(error_response(refused.status), now)
        except StoreError:
            return OCSPAnswer(error_response(TRY_LATER), now)

    def _signed(self, request: OCSPRequest, now: datetime) -> OCSPAnswer:
        """Sign as the issuer of the first certificate we know the issuer of; raises `OCSPRequestRefused` if none."""
        authority = next(
            (a for asked in request.certificates for a in self._hierarchy.all() if answers_for(a.certificate, asked)), None
        )
        if authority is None:
            raise OCSPRequestRefused("unauthorized", "no authority of this environment")
        validity = timedelta(minutes=self._settings.ocsp_validity_minutes)
        body = respond(
            request,
            Responder(authority.certificate, authority.issuer),
            lambda serial: self._status(authority, serial),
            now=now,
            validity=validity,
        )
        return OCSPAnswer(body, now, now + validity, cacheable=request.nonce is None)

    def _status(self, authority: HeldAuthority, serial: int) -> Status:
        known = next(iter(self._certificates.find(serial=spelt_serial(serial))), None) if serial > 0 else None
        if known is None or known.authority != authority.name:
            return Status(issued=False)
        if known.revoked_at is None:
            return Status(issued=True)
        return Status(issued=True, revoked=Revoked(serial, known.revoked_at, known.revocation_reason or "unspecified"))
