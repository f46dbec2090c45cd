"""Applications: who may ask. Applications, their credentials, and the products that give them APIs and scopes.

Owns: the model of application-restricted 3 and the scopes and APIs an application's approved products add up to.
Leaves: storing credentials (`stores`), the patterns that use them (`security_patterns`).
Read: model, entitlements.
"""

from wardgate.applications.entitlements import Entitlements, entitlements
from wardgate.applications.model import Application, Approval, FixedKey, Product, Profile, Subscription

__all__ = [
    "Application", "Approval", "Entitlements", "FixedKey", "Product", "Profile", "Subscription", "entitlements",
]
