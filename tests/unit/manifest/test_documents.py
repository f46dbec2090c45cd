"""The manifest as documents: there and back, without secrets, and the smallest change."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from wardgate.manifest import Manifest
from wardgate.manifest.documents import (
    KINDS,
    SECRETS,
    ManifestDocument,
    changes,
    document_of,
    from_documents,
    model_of,
    secrets_of,
    to_documents,
    with_secrets,
)

Accept = Callable[..., Manifest]
KEYS = [{"key": "first-key-0123456789"}, {"key": "second-key-0123456789", "status": "revoked"}]


@pytest.fixture
def manifest(base: dict[str, Any], accept: Accept) -> Manifest:
    """Return a manifest with both kinds of secrets."""
    base["applications"][0]["api_keys"] = KEYS
    base["environment"]["status_key"] = "status-key-0123456789"
    return accept(base)


def test_documents_are_named_by_section_and_key(manifest: Manifest) -> None:
    """One document per entry, in the manifest's order."""
    documents, _ = to_documents(manifest)
    assert [(document.kind, document.name) for document in documents] == [
        ("environment", "environment"), ("organisations", "Z9X01"), ("organisations", "Z9X02"),
        ("systems", "200000000115"), ("systems", "200000000116"), ("apis", "hello"), ("apis", "demo-fhir"),
        ("products", "hello"), ("products", "fhir"), ("applications", "one"), ("applications", "two")]
    assert {document.kind for document in documents} == set(KINDS) - {
        "sharing_rules", "identity_providers", "relying_parties", "users", "mailboxes", "workflows", "message_keys"}


def test_secrets_are_beside_documents(manifest: Manifest) -> None:
    """No document holds a key; all of them are returned."""
    documents, secrets = to_documents(manifest)
    assert "-key-0123456789" not in json.dumps([document.body for document in documents])
    assert secrets == secrets_of(manifest)
    assert secrets.status_key == "status-key-0123456789"
    assert secrets.api_keys == {"one": manifest.applications[0].api_keys}
    assert all(set(fields) <= set(KINDS[kind][0].model_fields) for kind, fields in SECRETS.items())


def test_there_and_back(manifest: Manifest) -> None:
    """Documents in any order, through JSON, make the same manifest; secrets can be put back."""
    documents, secrets = to_documents(manifest)
    through_json = [
        ManifestDocument(document.kind, document.name, json.loads(json.dumps(document.body))) for document in reversed(documents)
    ]
    again = from_documents(through_json)
    assert with_secrets(again, secrets.api_keys, secrets.status_key).applications == manifest.applications
    assert again.environment == manifest.environment.model_copy(update={"status_key": None})
    assert again.systems == manifest.systems
    assert {api.name: api for api in again.apis} == {api.name: api for api in manifest.apis}


def test_one_environment() -> None:
    """Documents without an environment are no manifest."""
    with pytest.raises(ValueError, match="one environment document, not 0"):
        from_documents([])


def test_nothing_changes_when_nothing_changed(manifest: Manifest) -> None:
    """Applying the same manifest again writes nothing."""
    documents, _ = to_documents(manifest)
    assert not changes(documents, manifest)


def test_only_what_changed_is_put_or_removed(base: dict[str, Any], accept: Accept, manifest: Manifest) -> None:
    """A changed entry is put, a new one too, a missing one removed."""
    stored, _ = to_documents(manifest)
    base["applications"][1]["status"] = "revoked"
    base["organisations"].append({"ods": "Z9X03", "name": "Third"})
    del base["systems"][1]
    step = changes(stored, accept(base))
    assert [(document.kind, document.name) for document in step.put] == [("organisations", "Z9X03"), ("applications", "two")]
    assert step.remove == (("systems", "200000000116"),)
    assert step


def test_what_an_older_version_wrote_counts_as_the_same(manifest: Manifest) -> None:
    """A stored body without a field that has since got a default is not rewritten; an unreadable one is."""
    stored = [
        ManifestDocument(document.kind, document.name, {key: value for key, value in document.body.items() if key != "limits"})
        for document in to_documents(manifest)[0]
    ]
    assert not changes(stored, manifest)
    stored[-1] = ManifestDocument("applications", "two", {"name": "two", "gone": True})
    assert [document.name for document in changes(stored, manifest).put] == ["two"]


def test_one_document(manifest: Manifest) -> None:
    """A single application can be taken out, changed and put back."""
    application = manifest.applications[1]
    document = document_of("applications", application)
    assert (document.kind, document.name) == ("applications", "two")
    assert model_of(document) == application
