"""The bundled manifest."""

from importlib.resources import files
from typing import Final

from wardgate.manifest import Manifest, Source, check

DEFAULT_BACKEND: Final = "http://127.0.0.1:9001"
SOURCE_NAME: Final = "demo/manifest.yaml"
_PLACEHOLDER: Final = "${DEMO_BACKEND}"


def source(backend: str = DEFAULT_BACKEND) -> Source:
    """Return the bundled manifest as a file, with the sample backends at `backend` (scheme, host and port)."""
    text = files("wardgate.demo").joinpath("manifest.yaml").read_text(encoding="utf-8")
    return Source(SOURCE_NAME, text.replace(_PLACEHOLDER, backend).encode())


def manifest(backend: str = DEFAULT_BACKEND) -> Manifest:
    """Return the bundled manifest, checked. Raises `ManifestInvalid` for a `backend` that is not one."""
    return check([source(backend)])
