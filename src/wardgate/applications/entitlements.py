"""What an application's approved products add up to."""

from collections.abc import Mapping
from dataclasses import dataclass

from wardgate.applications.model import Application, Approval, Product


@dataclass(frozen=True, slots=True)
class Entitlements:
    """The union of the approved products: their names, the APIs they include and the scopes they carry."""

    products: frozenset[str]
    apis: frozenset[str]
    scopes: tuple[str, ...]


def entitlements(application: Application, products: Mapping[str, Product]) -> Entitlements:
    """Add up the application's approved subscriptions (application-restricted 3). Unknown products count for nothing."""
    approved = [
        products[subscription.product]
        for subscription in application.products
        if subscription.status is Approval.APPROVED and subscription.product in products
    ]
    return Entitlements(
        products=frozenset(product.name for product in approved),
        apis=frozenset(api for product in approved for api in product.apis),
        scopes=tuple(dict.fromkeys(scope for product in approved for scope in product.scopes)),
    )
