"""Signing a user in for a command: by which flow, at which provider, as whom, and where the tokens are kept in between."""

import functools
import hashlib
import json
import os
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import click

from wardgate.cli.calling import Caller
from wardgate.cli.failures import Failed
from wardgate.cli.options import Command, read_input
from wardgate.client import (
    ClientAuthentication,
    ClientSecret,
    FileTokenStore,
    ListenerUnusable,
    LoopbackListener,
    MemoryTokenStore,
    PendingSignIn,
    Provider,
    RelyingParty,
    SignInNeeded,
    StandInAsks,
    UserApplication,
    UserSession,
    UserTokens,
    sign_in_at_stand_in,
)
from wardgate.identities import Authentication
from wardgate.identities import RelyingParty as KnownClient
from wardgate.keystores.client_secrets import RELYING_PARTIES, own_secret
from wardgate.oauth.users import ProviderKind
from wardgate.standins.surfaces import surface_of

PROVIDERS: Final = {"cis2": Provider.CIS2, "nhs-login": Provider.NHS_LOGIN}
FLOWS: Final = ("code", "exchange")
PROVIDER_SECRET_VARIABLE: Final = "WARDGATE_PROVIDER_SECRET"  # noqa: S105 - the name of a variable
REPEAT_WITHIN_SECONDS: Final = 8.0
"""In the profile `strict`, a little less than the 10 s in which a repeated refresh gets the same successor."""
PROVIDER_SCOPES: Final = {Provider.CIS2: "openid profile nationalrbacaccess", Provider.NHS_LOGIN: "openid profile"}


ADVICE: Final = {
    "user": "wardgate user list tells who there is", "role": "--role URID", "identity-check": "--identity-check passed|failed",
    "elsewhere": "use --browser, and sign in by hand", "other": "use --browser, and sign in by hand",
}
"""What to do about a stand-in's question."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the options of one command say about the user."""

    user: str | None
    provider: Provider | None
    flow: str
    browser: bool
    redirect_uri: str | None
    acr_values: str | None
    issuer: str | None
    client_id: str | None
    id_token: Path | None
    identity_check: str | None
    fresh: bool
    keep: bool
    seconds: float

    @property
    def wanted(self) -> bool:
        """Whether a user is behind the command."""
        return self.user is not None or self.browser or self.id_token is not None


class Users:
    """The users of one command. Close it, or use it as a context."""

    def __init__(self, caller: Caller, options: SignIn, role: str | None) -> None:
        if options.id_token is not None and (options.flow != "exchange" or options.browser):
            raise click.UsageError("--id-token is for --flow exchange, without --browser")
        self._caller, self._options, self._role = caller, options, role
        self.were_kept = False
        """Whether the session's tokens are those of an earlier command."""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @functools.cached_property
    def application(self) -> UserApplication:
        """The calling application at the authorisation server."""
        return self._open.enter_context(self._caller.user_application(exchanges=self._options.flow == "exchange"))

    @functools.cached_property
    def provider(self) -> Provider:
        """Who signs the user in: what was said, else whose the user is."""
        said = self._options.provider
        return said if said is not None else _provider_of(self._caller, self._options.user)

    def session(self) -> UserSession:
        """Return a session with a good access token: the kept one, renewed when it is due, or a new sign-in."""
        store = FileTokenStore(self.kept_at) if self._options.keep else MemoryTokenStore()
        session = UserSession(self.application, store, repeat_within_seconds=REPEAT_WITHIN_SECONDS if self._caller.is_strict() else 0.0)
        if not self._options.fresh and self._options.id_token is None:
            try:
                session.token()
            except SignInNeeded:
                pass
            else:
                self.were_kept = True
                return session
        session.start(self._sign_in())
        return session

    @property
    def kept_at(self) -> Path:
        """The file of this application's tokens for this user. Its name is a digest: a user's name may be an NHS number."""
        environment = self._caller.environment()
        who = [environment.base_url, environment.oauth_path, self._caller.app or self._caller.api_key(), self.provider, self._options.flow,
               self._options.user or ""]
        return kept_in(self._caller.world.data) / f"{hashlib.sha256(json.dumps(who).encode()).hexdigest()[:32]}.json"

    def _sign_in(self) -> UserTokens:
        if self._options.flow == "code":
            uris = [self._options.redirect_uri] if self._options.redirect_uri else list(self._caller.callback_urls())
            begin = functools.partial(self.application.begin, provider=self.provider, acr_values=self._options.acr_values)
            return self.application.redeem(*self._come_back(uris, begin))
        if self._options.id_token is not None:
            return self._exchanged(read_input(self._options.id_token, "the ID token").decode("utf-8", "replace").strip())
        party, uris = self._relying_party()
        begin = functools.partial(party.begin, scope=PROVIDER_SCOPES[self.provider], acr_values=self._options.acr_values)
        return self._exchanged(party.redeem(*self._come_back(uris, begin)).id_token.text)

    def _exchanged(self, id_token: str) -> UserTokens:
        """Return the tokens; without the one that renews them when the application has nothing to prove itself with for that."""
        tokens = self.application.exchange(id_token)
        return tokens if self._caller.may_renew() else replace(tokens, refresh_token=None, refresh_until=None)

    def _come_back(self, uris: list[str], begin: Callable[[str], PendingSignIn]) -> tuple[PendingSignIn, str]:
        """Return a sign-in and the address the user came back to: by a browser, or by the stand-in's one click."""
        if self._options.browser:
            with _listener(uris, self._caller.app) as listener:
                pending = begin(listener.redirect_uri)
                click.echo(f"sign in here, within {self._options.seconds:g} s:\n{pending.url}", err=True)
                webbrowser.open(pending.url)
                return pending, listener.wait(pending, self._options.seconds)
        if not uris:
            whose = f"the application {self._caller.app or ''} has no callback URL in the manifest" if self._options.flow == "code" else "no redirect URI is known"
            raise Failed(f"{whose}: give --redirect-uri, one that is registered".replace("  ", " "))
        pending = begin(uris[0])
        try:
            back = sign_in_at_stand_in(pending, self._options.user or "", tls=self._caller.trust(), role=self._role,
                                       identity_check=self._options.identity_check)
        except StandInAsks as asks:
            raise Failed(f"{asks}: {ADVICE[asks.question]}") from None
        return pending, back

    def _relying_party(self) -> tuple[RelyingParty, list[str]]:
        """Return the application as the provider's own client, and where it may have people come back to."""
        issuer, given = self._options.issuer, self._options.client_id
        known = None if issuer is not None else _known_client(self._caller, self.provider, given)
        client_id = known.client_id if known is not None else given
        if client_id is None:
            raise click.UsageError("--issuer goes with --client-id, the application's name at that provider")
        uris = [self._options.redirect_uri] if self._options.redirect_uri else list(known.redirect_uris if known is not None else ())
        party = RelyingParty(issuer or _issuer(self._caller, self.provider), self._proof(client_id, known), tls=self._caller.trust(),
                             clock=self._caller.clock())
        return self._open.enter_context(party), uris

    def _proof(self, client_id: str, known: KnownClient | None) -> ClientAuthentication:
        secret = os.environ.get(PROVIDER_SECRET_VARIABLE)
        if secret:
            return ClientSecret(client_id, secret.strip())
        if known is not None and known.authentication is Authentication.CLIENT_SECRET_POST:
            return ClientSecret(client_id, own_secret(self._caller.world.stores.values, RELYING_PARTIES, client_id))
        return self._caller.assertion(client_id)


def kept_in(data: Path) -> Path:
    """Return the directory of kept tokens."""
    return data / "sign-ins"


def _listener(uris: list[str], app: str | None) -> LoopbackListener:
    """Return a listener at the first of the addresses that is this machine's and free. Raises `Failed`."""
    why: list[str] = []
    for uri in uris:
        try:
            return LoopbackListener(uri)
        except ListenerUnusable as unusable:
            why.append(str(unusable))
    told = "\n".join(why) or "there is none"
    raise Failed(f"no redirect URI of {app or 'the application'} can be listened at; it needs one such as http://127.0.0.1:9003/callback\n{told}")


def _provider_of(caller: Caller, user: str | None) -> Provider:
    """Return whose the user is by the manifest; NHS CIS2 for somebody it does not know."""
    if user is not None and caller.world.exists:
        found = next((one for one in caller.world.manifest()[1].users if one.username == user), None)
        if found is not None and found.worker is None:
            return Provider.NHS_LOGIN
    return Provider.CIS2


def _known_client(caller: Caller, provider: Provider, client_id: str | None) -> KnownClient:
    clients = [one for one in caller.world.manifest()[1].relying_parties if one.kind is ProviderKind(provider) and client_id in {None, one.client_id}]
    if not clients:
        raise Failed(f"there is no client {client_id or ''} of {provider} in the manifest's `relying_parties`; for another provider give --issuer".replace("  ", " "))
    return min(clients, key=lambda one: one.authentication is not Authentication.CLIENT_SECRET_POST)


def _issuer(caller: Caller, provider: Provider) -> str:
    """Return the issuer that the base path trusts for this provider."""
    environment, kind = caller.environment(), ProviderKind(provider)
    stated = next((one for one in caller.world.manifest()[1].identity_providers if one.kind is kind and one.base_path == environment.oauth_path), None)
    if stated is None:
        raise Failed(f"{environment.oauth_path} trusts no provider of the kind {provider}: wardgate provider list")
    return stated.issuer if stated.issuer is not None else surface_of(kind, stated.realm).issuer(environment.base_url)


OPTIONS: Final = (
    click.option("--user", default=None, metavar="NAME", help="A user is behind the call. At a stand-in this person signs in by itself, with one click."),
    click.option("--provider", type=click.Choice(list(PROVIDERS)), default=None, show_default="whose the user is by the manifest, else cis2",
                 help="Who signs the user in."),
    click.option("--flow", type=click.Choice(FLOWS), default="code", show_default=True,
                 help="code: the authorisation server signs the user in (combined). exchange: the application does, and exchanges the ID token (separate)."),
    click.option("--browser", is_flag=True, help="Sign in in a browser, at any provider; the command waits on this machine for the answer."),
    click.option("--redirect-uri", default=None, metavar="URL", show_default="of those registered", help="Where the user comes back to."),
    click.option("--acr-values", default=None, metavar="WORDS", help="NHS CIS2: how strong the sign-in must be, such as AAL2_OR_AAL3_ANY."),
    click.option("--id-token", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
                 help="With --flow exchange: an ID token that you have; - is standard input."),
    click.option("--issuer", default=None, metavar="URL", show_default="the provider that --oauth-path trusts", help="With --flow exchange: the provider."),
    click.option("--client-id", default=None, metavar="ID", show_default="the first of the manifest's relying_parties",
                 help=f"With --flow exchange: the application's name at the provider. Its secret is read from the store, or from {PROVIDER_SECRET_VARIABLE}."),
    click.option("--identity-check", type=click.Choice(["passed", "failed"]), default=None, help="How the NHS login stand-in's identity check ends, if it is asked for."),
    click.option("--fresh", is_flag=True, help="Sign in anew, even if tokens are kept."),
    click.option("--keep/--no-keep", default=True, show_default=True, help="Keep the tokens in DATA/sign-ins, readable by you only, for the next command."),
    click.option("--sign-in-wait", type=click.FloatRange(1, 3600), default=300.0, show_default=True, metavar="SECONDS", help="How long --browser waits."),
)


def with_sign_in(command: Command) -> Command:
    """Add the options that say which user, and pass a `sign_in`."""
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, user: str | None, provider: str | None, flow: str, browser: bool, redirect_uri: str | None, acr_values: str | None,
        id_token: Path | None, issuer: str | None, client_id: str | None, identity_check: str | None, fresh: bool, keep: bool,
        sign_in_wait: float, **options: Any,
    ) -> Any:
        chosen = PROVIDERS[provider] if provider is not None else None
        said = SignIn(user, chosen, flow, browser, redirect_uri, acr_values, issuer, client_id, id_token, identity_check, fresh, keep, sign_in_wait)
        return command(*arguments, sign_in=said, **options)

    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def every_kept(data: Path) -> Sequence[Path]:
    """Return the files of kept tokens."""
    return sorted(kept_in(data).glob("*.json"))


def told(tokens: UserTokens, seconds_left: float) -> Mapping[str, Any]:
    """Return what a script may learn of a user's tokens: the refresh token stays where it is kept."""
    return {"access_token": tokens.access.value, "token_type": "Bearer", "expires_in": int(seconds_left),
            "refresh_until": tokens.refresh_until.isoformat() if tokens.refresh_until is not None else None,
            "refresh_count": tokens.refresh_count}
