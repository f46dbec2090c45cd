"""What the directory's FHIR API answers, read by public models of FHIR R4B: nothing unknown, nothing missing, nothing empty."""

from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.device import Device
from fhir.resources.R4B.endpoint import Endpoint
from fhir.resources.R4B.operationoutcome import OperationOutcome
from pydantic import ValidationError

from flows.sds.calling import BASE, OF_KEY, ORGANISATION, PROVIDED, SENDS, SERVES, asked, client
from unit.directory.samples import DIRECTORY, ENDPOINT, PROVIDER, SYSTEM

BARE = replace(
    DIRECTORY, systems=(replace(SYSTEM, manufacturer=None, clients=()), PROVIDER),
    endpoints=(replace(ENDPOINT, sync_reply_mode=None, retry_interval=None, retries=None, persist_duration=None, duplicate_elimination=None, ack_requested=None, actors=()),),
)  # fmt: skip
MODELS: dict[str, Any] = {"Device": Device, "Endpoint": Endpoint}


def _without_nothing(found: Any) -> Any:
    return {name: _without_nothing(value) for name, value in found.items() if value is not None} if isinstance(found, dict) else (
        [_without_nothing(value) for value in found] if isinstance(found, list) else found)


@pytest.mark.anyio
@pytest.mark.parametrize("directory", [DIRECTORY, BARE])
@pytest.mark.parametrize(("kind", "pairs", "count"), [
    ("Device", (ORGANISATION, SENDS), 1), ("Device", (PROVIDED, SENDS), 0), ("Endpoint", (PROVIDED, SERVES), 1), ("Endpoint", (PROVIDED, OF_KEY), None),
])  # fmt: skip
async def test_a_bundle_is_one(kind: str, pairs: tuple[tuple[str, str], ...], count: int | None, directory: Any) -> None:
    """The bundle and each resource in it are what FHIR says, and say the same when the models write them."""
    async with client(directory) as caller:
        answer = await caller.get(f"{BASE}/{kind}?{asked(*pairs)}")
    whole = Bundle.model_validate_json(answer.content)
    found = answer.json()
    assert (whole.type, whole.total) == ("searchset", len(found.get("entry", [])))
    assert count is None or whole.total == count
    for entry in found.get("entry", []):
        read = MODELS[kind].model_validate(entry["resource"])
        assert _without_nothing(read.model_dump(mode="json")) == entry["resource"]


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "headers", "status"), [
    (f"{BASE}/Device", {}, 400), (f"{BASE}/Endpoint?x=1", {}, 400), (f"{BASE}/Nothing", {}, 404), (f"{BASE}/Device?{asked(ORGANISATION, SENDS)}", {"Accept": "text/html"}, 406),
    (f"{BASE}/Device", {"X-Correlation-ID": "x"}, 400),
])  # fmt: skip
async def test_a_refusal_is_an_outcome(path: str, headers: dict[str, str], status: int) -> None:
    """Every refusal is an OperationOutcome."""
    async with client() as caller:
        answer = await caller.get(path, headers=headers)
    assert answer.status_code == status
    assert OperationOutcome.model_validate_json(answer.content).issue[0].severity == "error"


def test_the_models_refuse() -> None:
    """They are strict enough to be worth asking: an unknown element, and a missing one."""
    with pytest.raises(ValidationError):
        Device.model_validate({"resourceType": "Device", "asid": "1"})
    with pytest.raises(ValidationError):
        Endpoint.model_validate({"resourceType": "Endpoint", "status": "active"})
