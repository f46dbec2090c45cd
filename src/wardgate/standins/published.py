"""What anybody may read: discovery, keys, the trustmark, style sheet and icons, and the mock clients' credentials."""

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from wardgate.identities import Authentication
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.discovery import discovery
from wardgate.standins.clients import find_client
from wardgate.standins.dependencies import StandIns
from wardgate.standins.surfaces import ASSETS, SURFACES, Surface
from wardgate.standins.wire import ALWAYS, json_answer, origin_of

ASSET_TYPES: Final = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
CREDENTIALS_PATH: Final = "/mock-jwks/keycloak-client-credentials"
CREDENTIAL_NAMES: Final = {ProviderKind.CIS2: "cis2", ProviderKind.NHS_LOGIN: "nhs-login"}


async def describe(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Answer the discovery document of the issuer whose host was asked."""
    return json_answer(discovery(surface.kind, surface.endpoints(origin_of(request, deps.origins()))), cached=True)


async def publish_keys(deps: StandIns, surface: Surface, _request: Request) -> Response:
    """Answer the key set: the key that signs, the next one, and the last for as long as its tokens live."""
    keys = await run_in_threadpool(deps.keys[surface.kind].published, deps.now())
    return json_answer({"keys": [key.public_jwk() for key in keys]}, cached=True)


async def trustmark(deps: StandIns, surface: Surface, request: Request) -> Response:
    """Answer NHS login's trustmark (user-restricted 12.3)."""
    origin = origin_of(request, deps.origins())
    return json_answer({
        "idp": surface.issuer(origin), "trustmark_provider": surface.issuer(origin),
        "P": ["P0", "P3", "P5", "P6", "P7", "P9"], "C": ["Cp", "Cd", "Ck", "Cm"],
    }, cached=True)


async def client_credentials(deps: StandIns) -> Response:
    """Answer the mock clients' credentials as the platform does (user-restricted 15.1): the first with a secret of each kind.

    They are test credentials of stand-in providers, which a live environment has not.
    """
    found: dict[str, dict[str, str]] = {}
    for party in deps.identities().relying_parties.values():
        name = CREDENTIAL_NAMES[party.kind]
        surface = next(one for one in _mock_surfaces() if one.kind is party.kind)
        client = find_client(deps, surface, party.client_id)
        if name not in found and client is not None and client.authentication is Authentication.CLIENT_SECRET_POST:
            found[name] = {"client_id": client.client_id, "client_secret": await run_in_threadpool(client.secret)}
    return json_answer({name: found[name] for name in CREDENTIAL_NAMES.values() if name in found})


def _mock_surfaces() -> tuple[Surface, ...]:
    return tuple(surface for surface in SURFACES.values() if surface.is_realm)


def asset(path: str) -> Response | None:
    """Return a file of the style sheet's folder; None for a path that is not one of them."""
    name = path.removeprefix(ASSETS)
    kind = ASSET_TYPES.get(name[name.rfind("."):])
    body = _assets().get(name)
    if body is None or kind is None:
        return None
    return Response(body, 200, {**ALWAYS, "Content-Type": kind, "Cache-Control": "public, max-age=86400"})


@cache
def asset_address(name: str) -> str:
    """Return the address of a file of that folder. It changes with the file, which a browser may keep for a day. Raises `KeyError`."""
    return f"{ASSETS}{name}?{sha256(_assets()[name]).hexdigest()[:12]}"


@cache
def _assets() -> dict[str, bytes]:
    root = files("wardgate.standins").joinpath("assets")
    icons = root.joinpath("images")
    return {
        **{entry.name: entry.read_bytes() for entry in root.iterdir() if entry.is_file()},
        **{f"images/{entry.name}": entry.read_bytes() for entry in icons.iterdir() if entry.is_file()},
    }
