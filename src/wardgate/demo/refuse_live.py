"""Demo content in a live environment: refused, however it got there."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from wardgate.applications import Application
from wardgate.demo.keys import KEYS, public_jwk
from wardgate.demo.world import manifest as demo_manifest
from wardgate.manifest import Manifest, ManifestInvalid, Problem


class DemoRefused(ManifestInvalid):
    """A live environment was given something of the demo."""


def refuse_demo_when_live(manifest: Manifest, *, demo_asked_for: bool = False) -> None:
    """Raise `DemoRefused` when a live environment would have demo keys, credentials or backends.

    `demo_asked_for` says that `--demo` was given, which is refused by itself.
    """
    if not manifest.environment.live:
        return
    problems = list(_demo_content(manifest))
    if demo_asked_for:
        problems.insert(0, Problem("manifest", 0, "environment.live", "a live environment has no demo",
                                   "leave --demo out"))
    if problems:
        raise DemoRefused(problems)


def _demo_content(manifest: Manifest) -> Iterator[Problem]:
    api_keys, status_key = _demo_secrets()
    if manifest.environment.status_key == status_key:
        yield Problem("manifest", 0, "environment.status_key", "this monitoring key is the demo's, which everyone knows")
    for application in manifest.applications:
        if any(fixed.key in api_keys for fixed in application.api_keys):
            yield _problem(application, "api_keys", "an API key is the demo's, which everyone knows")
        if any(_is_demo_key(key) for key in (application.jwks or {}).get("keys", ())):
            yield _problem(application, "jwks", "a public key is the demo's, whose private half everyone has")


def _problem(application: Application, key: str, message: str) -> Problem:
    return Problem("manifest", 0, f"applications[{application.name}].{key}", message)


def is_demo_public_key(jwk: Mapping[str, Any]) -> bool:
    """Return whether a JWK is the public half of a demo key, whatever it is called; for key sets that were fetched."""
    return any(all(jwk.get(member) == value for member, value in known) for known in _demo_publics())


def _is_demo_key(key: Any) -> bool:
    return isinstance(key, dict) and is_demo_public_key(key)


@cache
def _demo_publics() -> tuple[tuple[tuple[str, str], ...], ...]:
    material = ("kty", "crv", "n", "x", "y")
    return tuple(
        tuple((member, value) for member, value in public_jwk(key.kid).items() if member in material) for key in KEYS
    )


@cache
def _demo_secrets() -> tuple[frozenset[str], str | None]:
    demo = demo_manifest()
    keys = frozenset(fixed.key for application in demo.applications for fixed in application.api_keys)
    return keys, demo.environment.status_key
