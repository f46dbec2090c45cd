"""Settings of the certification authority. Defaults are those of application-restricted 8 and spec README rule 29."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from wardgate.pki.errors import NameRefused
from wardgate.pki.issue import Publication
from wardgate.pki.names import NameRules, check_fqdn

BASE_URL: Final = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]{1,260}(/[A-Za-z0-9._~-]{1,60}){0,8}", re.ASCII)
MAX_CRL_HOURS: Final = 24 * 7


@dataclass(frozen=True, slots=True)
class CASettings:
    """How long things last and which names are certified; raises `ValueError` for what would issue nonsense.

    `base_url` is where `ca.app` is reached, without a final slash. It should be plain http: a reader that must fetch
    a revocation list to trust TLS cannot fetch it over TLS (RFC 5280 section 8).
    """

    base_url: str
    client_suffixes: tuple[str, ...] = ("nhs.uk",)
    """Domains whose names are certified for systems and applications."""
    reserved_names: tuple[str, ...] = ()
    """Names that are certified for neither: the one by which endpoints know the secure proxy."""
    client_validity_days: int = 1095
    server_validity_days: int = 365
    root_validity_days: int = 7305
    issuing_validity_days: int = 3652
    renew_ahead_days: int = 60
    crl_validity_hours: int = 24
    """A list is renewed at half of this."""
    ocsp_validity_minutes: int = 60
    trust_lead_seconds: int = 10
    """A new issuing authority is trusted this long before it issues, so that every Envoy knows it by then."""

    def __post_init__(self) -> None:
        """Refuse what would issue certificates that are over, or lists that nobody renews in time."""
        if not BASE_URL.fullmatch(self.base_url):
            raise ValueError("base_url is an http or https address without query and final slash")
        if not self.client_suffixes:
            raise ValueError("client_suffixes is empty: no client could be certified")
        for suffix in self.client_suffixes:
            try:
                check_fqdn(f"name.{suffix}")
            except NameRefused as refused:
                raise ValueError(f"client_suffixes: {refused}") from refused
        if not 1 <= self.renew_ahead_days < min(self.client_validity_days, self.server_validity_days):
            raise ValueError("renew_ahead_days is at least 1 and less than the validity of client and server certificates")
        if not max(self.client_validity_days, self.server_validity_days) < self.issuing_validity_days < self.root_validity_days:
            raise ValueError("a certificate is valid for less long than its issuer")
        if not 1 <= self.crl_validity_hours <= MAX_CRL_HOURS:
            raise ValueError(f"crl_validity_hours is from 1 to {MAX_CRL_HOURS}")
        if not 1 <= self.ocsp_validity_minutes <= 60 * self.crl_validity_hours:
            raise ValueError("ocsp_validity_minutes is at least 1 and not longer than a revocation list's validity")
        if not 0 <= self.trust_lead_seconds <= 86_400:
            raise ValueError("trust_lead_seconds is from 0 to a day")

    @property
    def client_names(self) -> NameRules:
        """The names that are certified for systems and applications."""
        return NameRules(suffixes=self.client_suffixes, reserved=frozenset(self.reserved_names))

    @property
    def renew_ahead(self) -> timedelta:
        """How long before its end a certificate may be renewed."""
        return timedelta(days=self.renew_ahead_days)

    @property
    def crl_validity(self) -> timedelta:
        """How long a revocation list is current."""
        return timedelta(hours=self.crl_validity_hours)

    def publication(self, authority: str) -> Publication:
        """The addresses that certificates of this authority carry."""
        return Publication(
            crl_url=f"{self.base_url}/crl/{authority}.crl",
            certificate_url=f"{self.base_url}/ca/{authority}.crt",
            ocsp_url=f"{self.base_url}/ocsp",
        )
