"""Under which names this server is known: issuers and token URLs, by base path. Never the Host header (rule 6)."""

from dataclasses import dataclass

from wardgate.authserver.dependencies import AuthServerSettings
from wardgate.security_patterns.snapshot import TokenIssuer


@dataclass(frozen=True, slots=True)
class Addresses:
    """One base path's names. `audiences` and `audiences_with_issuers` are what `aud` may be, by profile."""

    base_path: str
    issuers: tuple[str, ...]
    audiences: frozenset[str]
    audiences_with_issuers: frozenset[str]

    @property
    def issuer(self) -> str:
        """The name written into tokens: that of the first public URL."""
        return self.issuers[0]

    def for_host(self, host: bytes | None) -> str:
        """Return the issuer whose host the caller used, if it is one of ours, else the first."""
        name = (host or b"").decode("latin-1").lower()
        return next((issuer for issuer in self.issuers if issuer.partition("://")[2].partition("/")[0].lower() == name), self.issuer)


class AddressBook:
    """Addresses by base path, made again when the snapshot's issuers change."""

    def __init__(self, settings: AuthServerSettings) -> None:
        self._settings = settings
        self._issuers: tuple[str, ...] | None = None
        self._by_path: dict[str, Addresses] = {}

    def of(self, base_path: str, tokens: TokenIssuer) -> Addresses | None:
        """Return the addresses of a base path; None when no issuer of the environment ends in it."""
        if tokens.issuers is not self._issuers:
            self._by_path = {path: made for path in self._settings.base_paths if (made := self._make(path, tokens.issuers))}
            self._issuers = tokens.issuers
        return self._by_path.get(base_path)

    def _make(self, path: str, all_issuers: tuple[str, ...]) -> Addresses | None:
        issuers = tuple(issuer for issuer in all_issuers if issuer.endswith(path))
        if not issuers:
            return None
        urls = frozenset(f"{issuer}/token" for issuer in issuers) | frozenset(self._settings.more_token_urls.get(path, ()))
        return Addresses(path, issuers, urls, urls | frozenset(issuers))
