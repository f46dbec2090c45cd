"""The manifest as separate documents, as the store keeps them.

A document's `kind` is its section of the manifest and its `name` its key there. Secrets are not part of documents: API
keys written in an application, the environment's `status_key`, client secrets and those of one-time codes are taken out and returned beside them,
because they belong to stores that encrypt.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from wardgate.applications import Application, FixedKey, Product
from wardgate.catalogue import API, Environment
from wardgate.directory import Organisation, System
from wardgate.directory.model import Document, SharingRule
from wardgate.identities import IdentityProvider, RelyingParty, User
from wardgate.manifest.model import Manifest
from wardgate.workflows.model import Mailbox, MessageKeys, Workflow

ENVIRONMENT: Final = "environment"
CLOCK: Final = "clock"
"""Kind and name of the one document beside the manifest: how far the virtual clock is ahead. It changes as a document does, so
that every node learns of it with the next generation, and it is in no diff and no export."""

KINDS: Final[Mapping[str, tuple[type[Document], str]]] = {
    ENVIRONMENT: (Environment, ""),
    "organisations": (Organisation, "ods"),
    "systems": (System, "asid"),
    "sharing_rules": (SharingRule, "name"),
    "apis": (API, "name"),
    "products": (Product, "name"),
    "applications": (Application, "name"),
    "identity_providers": (IdentityProvider, "name"),
    "relying_parties": (RelyingParty, "client_id"),
    "users": (User, "username"),
    "mailboxes": (Mailbox, "id"),
    "workflows": (Workflow, "id"),
    "message_keys": (MessageKeys, "organisation"),
}
"""Each section: its model and the attribute that is its documents' key. The one environment is called `environment`."""

SECRETS: Final[Mapping[str, frozenset[str]]] = {
    ENVIRONMENT: frozenset({"status_key"}),
    "applications": frozenset({"api_keys"}),
    "identity_providers": frozenset({"client_secret"}),
    "relying_parties": frozenset({"client_secret"}),
    "users": frozenset({"totp_secret"}),
}
"""Fields that are never part of a document, a diff or an export."""


class AnyDocument(Protocol):
    """What a stored document and a `ManifestDocument` have in common."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class ManifestDocument:
    """One document: the same three fields as the store's."""

    kind: str
    name: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the manifest said that only an encrypting store may keep."""

    api_keys: Mapping[str, tuple[FixedKey, ...]]
    """By application."""
    status_key: str | None = None
    sign_in: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """By section and key: client secrets of `identity_providers` and `relying_parties`, those of one-time codes of `users`."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The smallest step from what is stored to a manifest."""

    put: tuple[ManifestDocument, ...]
    remove: tuple[tuple[str, str], ...]
    """(kind, name)."""

    def __bool__(self) -> bool:
        return bool(self.put or self.remove)


def key_of(kind: str, model: Document) -> str:
    """Return the document's name: the value of its kind's key."""
    key = KINDS[kind][1]
    return str(getattr(model, key)) if key else ENVIRONMENT


def document_of(kind: str, model: Document) -> ManifestDocument:
    """Return the document of one part of the manifest, without its secrets, every default written out."""
    body = model.model_dump(mode="json", exclude=set(SECRETS.get(kind, ())))
    return ManifestDocument(kind, key_of(kind, model), body)


def as_stated(kind: str, model: Document) -> dict[str, Any]:
    """Return what a part of the manifest has to state: nothing that holds without, and no secret."""
    body = model.model_dump(mode="json", exclude_defaults=True, exclude=set(SECRETS.get(kind, ())))
    if isinstance(model, API) and model.spine is not None:
        body["errors"] = str(model.errors)  # its default is another than the field's
    return body


def model_of(document: AnyDocument) -> Document:
    """Return the part of the manifest that a document holds. Raises pydantic's `ValidationError` on a foreign body."""
    return KINDS[document.kind][0].model_validate(document.body)


def parts_of(manifest: Manifest) -> Iterable[tuple[str, Document]]:
    """Every part of the manifest with its kind, in the manifest's order."""
    yield ENVIRONMENT, manifest.environment
    for kind in KINDS:
        if kind != ENVIRONMENT:
            for model in getattr(manifest, kind):
                yield kind, model


def to_documents(manifest: Manifest) -> tuple[tuple[ManifestDocument, ...], Secrets]:
    """Take the manifest apart: its documents, and the secrets that are kept elsewhere."""
    documents = tuple(document_of(kind, model) for kind, model in parts_of(manifest))
    return documents, secrets_of(manifest)


def secrets_of(manifest: Manifest) -> Secrets:
    """Return the API keys, the monitoring key and the secrets of sign-in that the manifest spells out."""
    keys = {application.name: application.api_keys for application in manifest.applications if application.api_keys}
    clients = {("identity_providers", provider.name): provider.client_secret for provider in manifest.identity_providers}
    clients |= {("relying_parties", party.client_id): party.client_secret for party in manifest.relying_parties}
    codes = {("users", user.username): user.totp_secret for user in manifest.users}
    stated = {at: secret for at, secret in {**clients, **codes}.items() if secret is not None}
    return Secrets(keys, manifest.environment.status_key, stated)


def from_documents(documents: Iterable[AnyDocument]) -> Manifest:
    """Put documents together again, each section sorted by key. Raises `ValueError` when there is no environment."""
    sections: dict[str, list[Document]] = {kind: [] for kind in KINDS}
    of_manifest = (document for document in documents if document.kind != CLOCK)
    for document in sorted(of_manifest, key=lambda entry: (entry.kind, entry.name)):
        sections[document.kind].append(model_of(document))
    environments = sections.pop(ENVIRONMENT)
    if len(environments) != 1:
        raise ValueError(f"a manifest has one environment document, not {len(environments)}")
    return Manifest.model_validate(
        {ENVIRONMENT: environments[0], **{kind: tuple(models) for kind, models in sections.items()}}
    )


def changes(stored: Iterable[AnyDocument], manifest: Manifest) -> Changes:
    """Return what must be put and removed so that the store holds `manifest`.

    A document that an older version wrote with fewer fields counts as unchanged when it means the same.
    """
    wanted, _ = to_documents(manifest)
    held = {(document.kind, document.name): document for document in stored if document.kind != CLOCK}
    put = tuple(document for document in wanted if not _same(held.get((document.kind, document.name)), document))
    names = {(document.kind, document.name) for document in wanted}
    return Changes(put, tuple(sorted(held.keys() - names)))


def _same(held: AnyDocument | None, wanted: ManifestDocument) -> bool:
    if held is None:
        return False
    if held.body == wanted.body:
        return True
    try:
        return document_of(held.kind, model_of(held)).body == wanted.body
    except ValueError:
        return False


def with_secrets(manifest: Manifest, api_keys: Mapping[str, Sequence[FixedKey]], status_key: str | None) -> Manifest:
    """Return the manifest with secrets put back, for example to compare it with one that still has its own."""
    applications = tuple(
        application.model_copy(update={"api_keys": tuple(api_keys.get(application.name, ()))})
        for application in manifest.applications
    )
    environment = manifest.environment.model_copy(update={"status_key": status_key})
    return manifest.model_copy(update={"environment": environment, "applications": applications})
