"""Changes to the synthetic letter's bundle, and where its elements are."""

from collections.abc import Callable
from typing import Any, Final

Change = Callable[[dict[str, Any]], object]
URN: Final = "urn:uuid:5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9eff"
HEADER: Final = "Bundle.entry[0].resource.MessageHeader"
HANDLING: Final = f"{HEADER}.extension[0]"
PAYLOAD: Final = "Bundle.entry[3].resource.Bundle"
COMPOSITION: Final = f"{PAYLOAD}.entry[0].resource.Composition"


def header(bundle: dict[str, Any]) -> dict[str, Any]:
    """The header in a bundle."""
    found: dict[str, Any] = bundle["entry"][0]["resource"]
    return found


def keys(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The keys of its handling extension."""
    found: list[dict[str, Any]] = header(bundle)["extension"][0]["extension"]
    return found


def payload(bundle: dict[str, Any]) -> dict[str, Any]:
    """Its document."""
    found: dict[str, Any] = bundle["entry"][3]["resource"]
    return found


def inside(bundle: dict[str, Any], place: int) -> dict[str, Any]:
    """A resource of its document."""
    found: dict[str, Any] = payload(bundle)["entry"][place]["resource"]
    return found


def put(found: dict[str, Any], name: str, value: Any) -> None:
    """Set a member."""
    found[name] = value


def key(place: int, **value: Any) -> Change:
    """Give a key another value."""
    return lambda bundle: put(keys(bundle), place, {"url": keys(bundle)[place]["url"]} | value)


def coding(**more: Any) -> dict[str, Any]:
    """A recipient type."""
    return {"system": "https://fhir.nhs.uk/STU3/CodeSystem/ITK-RecipientType-1", "code": "FA"} | more


def definition(url: str, **more: Any) -> dict[str, Any]:
    """A reference to a definition."""
    return {"valueReference": {"reference": url} | more}
NATIONAL: Final = "https://fhir.nhs.uk/STU3/MessageDefinition/"
