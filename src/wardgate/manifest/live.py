"""What a live environment does not take: conveniences of demonstrations and tests."""

from collections.abc import Iterator

from wardgate.applications import Application
from wardgate.catalogue import API
from wardgate.identities import IdentityProvider, RelyingParty, User
from wardgate.identities.provider import ENDPOINTS
from wardgate.manifest.documents import ENVIRONMENT
from wardgate.manifest.draft import Draft
from wardgate.manifest.errors import Problem

_PLAIN = "http://"


def check_live(draft: Draft) -> Iterator[Problem]:
    """When `environment.live` is true: no credential in the file, and nothing without TLS."""
    environment = draft.environment
    if environment is None or not environment.live:
        return
    entry = draft.sections[ENVIRONMENT][0]
    if environment.status_key is not None:
        yield entry.place("status_key").problem(
            "a live environment takes no `status_key` from a manifest", "leave it out: one is made on first start")
    for index, url in enumerate(environment.public_urls):
        if url.startswith(_PLAIN):
            yield entry.place("public_urls", index).problem("a live environment is reached over https:// only")
    for entry, api in draft.models("apis", API):
        if api.backend.startswith(_PLAIN):
            yield entry.place("backend").problem(
                "a live environment has no http:// backends", "use https:// or, on the same host, unix:")
    for entry, application in draft.models("applications", Application):
        for index, _ in enumerate(application.api_keys):
            yield entry.place("api_keys", index).problem(
                "a live environment takes no fixed API keys", "issue one: wardgate app rotate-key")
        if application.jwks_url is not None and application.jwks_url.startswith(_PLAIN):
            yield entry.place("jwks_url").problem("a live environment fetches key sets over https:// only")
        for index, url in enumerate(application.callback_urls):
            if url.startswith(_PLAIN):
                yield entry.place("callback_urls", index).problem("a live environment has no http:// callback URLs")
    yield from _identities(draft)


def _identities(draft: Draft) -> Iterator[Problem]:
    """Live people sign in at real providers, over TLS, with a secret that is in no file."""
    for entry, provider in draft.models("identity_providers", IdentityProvider):
        if provider.stand_in:
            yield entry.place("stand_in").problem("a live environment has no stand-in providers", "give the real one's `issuer`")
        if provider.client_secret is not None:
            yield entry.place("client_secret").problem(
                "a live environment takes no client secret from a manifest", "set it: wardgate provider set-secret")
        for key in ("issuer", *ENDPOINTS):
            if (getattr(provider, key) or "").startswith(_PLAIN):
                yield entry.place(key).problem("a live environment speaks to providers over https:// only")
    for entry, party in draft.models("relying_parties", RelyingParty):
        yield entry.place("client_id").problem(f"a live environment has no clients of stand-in providers, such as `{party.client_id}`")
    for entry, _ in draft.models("users", User):
        yield entry.place("username").problem("a live environment has no made-up people")
