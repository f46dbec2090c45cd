"""The manifest as a whole: every document of an environment."""

from wardgate.applications import Application, Product
from wardgate.catalogue import API, Environment
from wardgate.directory import Organisation, System
from wardgate.directory.model import Document, SharingRule
from wardgate.identities import IdentityProvider, RelyingParty, User
from wardgate.workflows.model import Mailbox, MessageKeys, Workflow


class Manifest(Document):
    """The source of truth (design 5): who exists, what is offered, and who may use it.

    References between documents and clashes of names are checked by `manifest.check`, which knows lines.
    """

    environment: Environment
    """The environment as a whole; stated once, in one of the files."""
    organisations: tuple[Organisation, ...] = ()
    """Legal bodies with ODS codes."""
    systems: tuple[System, ...] = ()
    """Accredited systems with ASIDs."""
    sharing_rules: tuple[SharingRule, ...] = ()
    """Which systems may ask which others through the secure proxy."""
    apis: tuple[API, ...] = ()
    """What is offered."""
    products: tuple[Product, ...] = ()
    """Bundles of APIs and scopes."""
    applications: tuple[Application, ...] = ()
    """Who calls."""
    identity_providers: tuple[IdentityProvider, ...] = ()
    """Where people sign in."""
    relying_parties: tuple[RelyingParty, ...] = ()
    """Clients that the stand-in providers know, beside the authorisation server itself."""
    users: tuple[User, ...] = ()
    """Made-up people who can sign in at the stand-in providers."""
    mailboxes: tuple[Mailbox, ...] = ()
    """Mailboxes for messages at this server."""
    workflows: tuple[Workflow, ...] = ()
    """Who may exchange which messages, and how they must be protected."""
    message_keys: tuple[MessageKeys, ...] = ()
    """The public keys that organisations sign messages with and have messages sealed to."""
