"""The catalogue of APIs: what the manifest says of each API, its routes, and the patterns that protect them.

Owns: APIs, routes, alternatives, the path templates of routes and how they match.
Leaves: what a pattern means (`security_patterns`), its compiled form (`dataplane`).
Read: spine, model, paths, platform.
"""

from wardgate.catalogue.model import API, Alternative, Audit, Enforcement, Environment, IdentityHeaders, Pattern, Route

__all__ = ["API", "Alternative", "Audit", "Enforcement", "Environment", "IdentityHeaders", "Pattern", "Route"]
