"""An accredited system, `nhsAs`: who may send what (spine 7.2, 7.3). Values are texts as the directory holds them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AccreditedSystem:
    """One system in one organisation. Who asked for it and who approved it are role profiles, and stay out of `repr`."""

    asid: str
    organisation: str
    party_key: str
    interactions: tuple[str, ...]
    """What it may send."""
    requestor: str = field(repr=False)
    requested_at: str
    approver: str = field(repr=False)
    approved_at: str
    clients: tuple[str, ...] = ()
    """The organisations it acts for; none means its own."""
    manufacturer: str | None = None
    access_control_functions: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    product_key: str | None = None
    product_name: str | None = None
    product_version: str | None = None
    description: tuple[str, ...] = ()
