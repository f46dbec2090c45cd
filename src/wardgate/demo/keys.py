"""The demo's private keys: published with the program, so that every example can be repeated to the letter.

They protect nothing. `refuse_live` keeps them out of live environments.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wardgate.jose import SigningJWK


@dataclass(frozen=True, slots=True)
class DemoKey:
    """One key pair: the name it has in key sets, what it signs with, and whether the demo key set publishes it."""

    kid: str
    algorithm: str
    purpose: str
    published: bool = False

    @property
    def file_name(self) -> str:
        """The name of its PEM file, here and below DATA/demo."""
        return f"{self.kid}.pem"


KEYS: Final = (
    DemoKey("demo-1", "RS512", "assertions of every application whose key set is /jwks.json (RSA-2048)", published=True),
    DemoKey("demo-2", "RS512", "the same, as after a rotation (RSA-4096)", published=True),
    DemoKey("unpublished", "RS512", "in no key set: assertions signed with it are refused (RSA-2048)"),
    DemoKey("strict-ps256", "PS256", "assertions of strict-app (RSA-2048)"),
    DemoKey("strict-es256", "ES256", "assertions of strict-app (P-256)"),
    DemoKey("strict-eddsa", "EdDSA", "assertions of strict-app (Ed25519)"),
    DemoKey("bound-es256", "ES256", "assertions of bound-app (P-256)"),
)


def private_pem(kid: str) -> str:
    """Return a demo private key in PKCS #8 PEM. Raises `KeyError` for a name that is not one."""
    key = next((key for key in KEYS if key.kid == kid), None)
    if key is None:
        raise KeyError(kid)
    return files("wardgate.demo").joinpath("pem", key.file_name).read_text(encoding="ascii")


def public_jwk(kid: str) -> dict[str, str]:
    """Return the public half of a demo key as a JWK (RFC 7517): a new one each time, the caller's own to change."""
    return dict(_public_jwk(kid))


@cache
def _public_jwk(kid: str) -> dict[str, str]:
    key = next(key for key in KEYS if key.kid == kid)
    return SigningJWK.of(key.kid, key.algorithm, load_pem_private_key(private_pem(kid).encode(), None)).public_jwk()


def key_set(kids: Iterable[str] | None = None) -> dict[str, Any]:
    """Return a key set (RFC 7517 section 5): of these keys, or of those that /jwks.json publishes."""
    chosen = [key.kid for key in KEYS if key.published] if kids is None else kids
    return {"keys": [public_jwk(kid) for kid in chosen]}


def write_keys(directory: Path) -> tuple[Path, ...]:
    """Write every demo key below `directory`, readable by its owner only, and return the paths. Raises `OSError`."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for key in KEYS:
        path = directory / key.file_name
        path.touch(mode=0o600)
        path.write_text(private_pem(key.kid), encoding="ascii")
        written.append(path)
    return tuple(written)
