"""The bundled manifest."""

from importlib.resources import files
from typing import Final

from wardgate.manifest import Manifest, Source, check

DEFAULT_BACKEND: Final = "http://127.0.0.1:9001"
DEFAULT_PROVIDER: Final = "127.0.0.1:9002"
SOURCE_NAME: Final = "demo/manifest.yaml"
_BACKEND: Final = "${DEMO_BACKEND}"
_PROVIDER: Final = "${DEMO_PROVIDER}"


def source(backend: str = DEFAULT_BACKEND, provider: str = DEFAULT_PROVIDER) -> Source:
    """Return the bundled manifest as a file: the sample backends at `backend` (scheme, host and port), the surgery's provider at `provider` (host and port)."""
    text = files("wardgate.demo").joinpath("manifest.yaml").read_text(encoding="utf-8")
    return Source(SOURCE_NAME, text.replace(_BACKEND, backend).replace(_PROVIDER, provider).encode())


def manifest(backend: str = DEFAULT_BACKEND, provider: str = DEFAULT_PROVIDER) -> Manifest:
    """Return the bundled manifest, checked. Raises `ManifestInvalid` for a `backend` that is not one."""
    return check([source(backend, provider)])
