"""What a live environment does not take: conveniences of demonstrations and tests."""

from collections.abc import Iterator

from wardgate.applications import Application
from wardgate.catalogue import API
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
