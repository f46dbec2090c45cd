"""A message-handling endpoint, `nhsMhs`: where an interaction is served, and on which terms (spine 7.2, 7.3).

Each entry is one contract: its CPA id stands for what a message handler and its peers agreed on for one interaction.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One interaction of one message handler. Who asked for and approved it are role profiles, and stay out of `repr`."""

    identifier: str
    cpa_id: str
    organisation: str
    party_key: str
    interaction: str
    """What it serves: the service, a colon and the interaction's name."""
    service: str
    interaction_name: str
    urls: tuple[str, ...]
    fqdn: str
    template_key: str
    interaction_type: str
    authenticated: str
    product_key: str
    requestor: str = field(repr=False)
    requested_at: str
    approver: str = field(repr=False)
    approved_at: str
    dns_approver: str = field(repr=False)
    dns_approved_at: str
    manufacturer: str | None = None
    sync_reply_mode: str | None = None
    ack_requested: str | None = None
    duplicate_elimination: str | None = None
    actors: tuple[str, ...] = ()
    persist_duration: str | None = None
    retries: str | None = None
    retry_interval: str | None = None
    ip_addresses: tuple[str, ...] = ()
    network: str | None = None
    sin_code: str | None = None
    service_description: str | None = None
    product_name: str | None = None
    product_version: str | None = None
