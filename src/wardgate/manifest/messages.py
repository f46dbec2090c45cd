"""Mailboxes, workflows and message keys: that every message which is allowed can be made, and every key can be what it says."""

from collections.abc import Iterator, Sequence
from typing import Final

from cryptography import x509

from wardgate.catalogue import Environment
from wardgate.manifest.documents import ENVIRONMENT
from wardgate.manifest.draft import Draft, Entry
from wardgate.manifest.errors import Problem
from wardgate.pki import pem
from wardgate.pki.errors import MalformedPEM
from wardgate.sealing.keys import State
from wardgate.sealing.model import Suite
from wardgate.workflows.certified import fault_of
from wardgate.workflows.model import MessageKeys, MessageRules, Protection, PublishedKey, Workflow
from wardgate.workflows.post_office import response_rules

MAX_KEYS: Final = 100
"""Keys of one organisation."""
MAX_BETWEEN: Final = 5
"""Certificates between a key's own and an anchor."""
UNENCRYPTED: Final = frozenset({Suite.DETACHED})
OPENED_ONLY: Final = frozenset({Suite.ITK2_LEGACY})


def check_messages(draft: Draft) -> Iterator[Problem]:
    """Workflows can be followed, responses have one set of rules, and published keys are keys."""
    workflows = list(draft.models("workflows", Workflow))
    for entry, workflow in workflows:
        yield from _workflow(entry, workflow)
    yield from _responses(workflows)
    for entry, keys in draft.models("message_keys", MessageKeys):
        yield from _keys(entry, keys)
    for entry, environment in draft.models(ENVIRONMENT, Environment):
        if environment.time_stamp_trust is not None:
            try:
                pem.every_block(environment.time_stamp_trust.encode())
            except MalformedPEM as bad:
                yield entry.place("time_stamp_trust").problem(str(bad))


def _workflow(entry: Entry, workflow: Workflow) -> Iterator[Problem]:
    if workflow.acknowledgement == workflow.id:
        yield entry.place("acknowledgement").problem("responses travel on another workflow than what they answer")
    if workflow.one_way and workflow.acknowledgement is not None:
        yield entry.place("acknowledgement").problem("a workflow that is `one_way` has no responses", "leave one of the two out")
    rules = workflow.messages
    for index, suite in enumerate(rules.suites):
        if suite in rules.suites[:index]:
            yield entry.place("messages", "suites", index).problem(f"`{suite}` is already listed")
        elif rules.protection is Protection.SEALED and suite in UNENCRYPTED:
            yield entry.place("messages", "suites", index).problem(f"`{suite}` encrypts nothing, and the workflow's messages are sealed")
    if rules.protection is not Protection.NONE and rules.suites[0] in OPENED_ONLY:
        yield entry.place("messages", "suites", 0).problem(
            f"`{rules.suites[0]}` is opened and never made", "state first the suite that messages are made in, such as modern")
    for key in ("signer_roles", "time_stamp"):
        if rules.protection is Protection.NONE and getattr(rules, key):
            yield entry.place("messages", key).problem(f"`{key}` is of signatures, and `protection` asks for none", "state protection: signed or sealed")


def _responses(workflows: Sequence[tuple[Entry, Workflow]]) -> Iterator[Problem]:
    """What travels on one id has one set of rules; a workflow that is stated under the id brings its own."""
    stated = {workflow.id for _, workflow in workflows}
    first: dict[str, tuple[str, MessageRules]] = {}
    for entry, workflow in workflows:
        response_id, rules = workflow.response_id, response_rules(workflow.messages)
        if response_id is None or response_id in stated:
            continue
        owner, held = first.setdefault(response_id, (workflow.id, rules))
        if held != rules:
            yield entry.place("acknowledgement" if workflow.acknowledgement else "id").problem(
                f"its responses travel on `{response_id}` as those of `{owner}` do, whose messages are protected otherwise",
                f"state another acknowledgement, or a workflow `{response_id}` with rules of its own")


def _keys(entry: Entry, keys: MessageKeys) -> Iterator[Problem]:
    if len(keys.keys) > MAX_KEYS:
        yield entry.place("keys").problem(f"an organisation has at most {MAX_KEYS} message keys")
    authorities: list[x509.Certificate] = []
    if keys.anchors is not None:
        try:
            authorities = pem.certificates(keys.anchors.encode("ascii"))
        except MalformedPEM as bad:
            yield entry.place("anchors").problem(*_said(bad, keys.anchors))
        if not all(map(_is_authority, authorities)):
            yield entry.place("anchors").problem("one of the certificates is no authority's")
    if keys.revocations is not None:
        try:
            pem.revocation_lists(keys.revocations.encode("ascii"))
        except MalformedPEM as bad:
            yield entry.place("revocations").problem(*_said(bad, keys.revocations))
    seen: dict[bytes, str] = {}
    for index, key in enumerate(keys.keys):
        yield from _key(entry, index, keys.organisation, key, seen)


def _key(entry: Entry, index: int, organisation: str, key: PublishedKey, seen: dict[bytes, str]) -> Iterator[Problem]:
    at = ("keys", index)
    if (key.state is State.REVOKED) != (key.revoked_at is not None):
        yield entry.place(*at, "revoked_at" if key.revoked_at else "state").problem("`revoked_at` goes with `state: revoked`, and with no other")
    try:
        leaf, *between = pem.certificates(key.certificate.encode("ascii"))
    except MalformedPEM as bad:
        yield entry.place(*at, "certificate").problem(*_said(bad, key.certificate))
        return
    fault = fault_of(leaf, key.use, organisation)
    if fault is not None:
        yield entry.place(*at, "certificate").problem(f"the certificate cannot be a key for {key.use}: {fault}")
    if len(between) > MAX_BETWEEN or not all(map(_is_authority, between)):
        yield entry.place(*at, "certificate").problem(f"what follows the key's certificate are at most {MAX_BETWEEN} authorities between it and an anchor")
    owner = seen.setdefault(leaf.tbs_certificate_bytes, key.kid)
    if owner != key.kid:
        yield entry.place(*at, "certificate").problem(f"this is the certificate of `{owner}` as well")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return False


def _said(bad: MalformedPEM, text: str) -> tuple[str, str | None]:
    """A private key in a manifest is known to everybody who reads it."""
    if any("PRIVATE KEY" in label for label in pem.labels(text.encode("ascii"))):
        return "this is a private key", "take it out, make a new pair, and publish the certificate only"
    return str(bad), None
