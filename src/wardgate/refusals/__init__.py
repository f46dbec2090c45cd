"""Refusals: every reason Wardgate can say no, and how each is said on the wire.

Owns: the catalogue of reasons (one table per area), the text of a refusal in each dialect, and the faults that may be asked for.
Leaves: deciding that a reason applies (`security_patterns`, `authserver`), recording it (`audit`).
Read: reason, token_endpoint, user_tokens, sign_in, providers, gateway, roles, certificates, spine_jwt, spine,
reasonable_adjustments, secure_proxy, gp_connect, spine_codes, system_directory, messages, mesh, limits, platform, asking, catalogue, faults, operation_outcome, dialects.
"""

from wardgate.refusals.catalogue import CATALOGUE, reason
from wardgate.refusals.reason import Area, Fixer, Reason, Refusal

__all__ = ["CATALOGUE", "Area", "Fixer", "Reason", "Refusal", "reason"]
