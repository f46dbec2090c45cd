"""The version of the API that a caller accepts, and what it can take encoded (itk3-messaging 5.2)."""

import re
from typing import Final

from wardgate.mesh.errors import MeshRefused
from wardgate.refusals.dialects import MESH_TYPES

V1: Final = 1
V2: Final = 2
MEDIA_TYPES: Final = MESH_TYPES
"""Of answers, by version."""
_VENDOR: Final = re.compile(r"application/vnd\.mesh\.v([12])\+json")
MAX_CHARACTERS: Final = 1_000


def accepted_version(accept: str | None) -> int:
    """Return the version to answer in: 1 when none is named. Raises `MeshRefused` for a version that there is not."""
    if not accept or "vnd.mesh" not in accept:
        return V1
    named = [part.partition(";")[0].strip().lower() for part in accept[:MAX_CHARACTERS].split(",")]
    found = [match for name in named if "vnd.mesh" in name for match in (_VENDOR.fullmatch(name),)]
    if not found or None in found:
        raise MeshRefused("mesh-accept", " or ".join(("application/vnd.mesh.v1+json", MEDIA_TYPES[V2])), "another type")
    return max(int(match[1]) for match in found if match is not None)


def version_of_errors(accept: str | None) -> int:
    """Return the version to say a refusal in, whatever is accepted."""
    try:
        return accepted_version(accept)
    except MeshRefused:
        return V1


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether a body may be sent as gzip (RFC 9110 section 12.5.3). Without the header it may not (5.2)."""
    weights: dict[str, bool] = {}
    for part in (accept_encoding or "")[:MAX_CHARACTERS].lower().split(","):
        name, _, parameters = part.partition(";")
        weights[name.strip()] = not re.fullmatch(r"\s*q\s*=\s*0(\.0{0,3})?\s*", parameters)
    return weights.get("gzip", weights.get("*", False))
