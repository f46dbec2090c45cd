"""Everybody and everything of this room at one moment: immutable, made anew when the manifest changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from wardgate.identities.provider import IdentityProvider
from wardgate.identities.relying_party import RelyingParty
from wardgate.identities.user import User
from wardgate.oauth.users import ProviderKind, SignedIn


@dataclass(frozen=True)
class Identities:
    """Providers, relying parties by client id, people by user name."""

    providers: tuple[IdentityProvider, ...] = ()
    relying_parties: Mapping[str, RelyingParty] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)

    def person(self, kind: ProviderKind, username: str) -> User | None:
        """Return the person of this user name, in any case of letters, if they sign in at this kind of provider."""
        found = self._by_username.get(username.casefold())
        return found if found is not None and found.kind is kind else None

    def fault_of(self, who: SignedIn) -> str | None:
        """Return the fault of a person who signed in at one of our stand-ins; nobody else has one."""
        name = who.provider.partition(" at ")[0]
        if not any(provider.stand_in and provider.name == name for provider in self.providers):
            return None
        user = self._by_subject.get(who.subject) if who.kind is ProviderKind.NHS_LOGIN else self.person(who.kind, who.subject)
        return user.fault if user is not None else None

    def people(self, kind: ProviderKind) -> tuple[User, ...]:
        """Return everybody who signs in at this kind of provider."""
        return self._by_kind[kind]

    @cached_property
    def _by_username(self) -> Mapping[str, User]:
        return MappingProxyType({username.casefold(): user for username, user in self.users.items()})

    @cached_property
    def _by_subject(self) -> Mapping[str, User]:
        return {user.patient.subject: user for user in self.users.values() if user.patient is not None}

    @cached_property
    def _by_kind(self) -> Mapping[ProviderKind, tuple[User, ...]]:
        return {kind: tuple(user for user in self.users.values() if user.kind is kind) for kind in ProviderKind}
