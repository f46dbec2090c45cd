"""OpenID Connect as the two NHS providers speak it: assurance levels and their names.

Owns: what an authenticator is worth at NHS CIS2 (`acr`, `amr`, AAL), vectors of trust at NHS login (`vtr`, `vot`), what
scopes give which claims, and the discovery documents.
Leaves: people (`identities`), serving a provider (`standins`), being a client of one (`authserver`).
Read: authenticators, vectors, scopes, discovery.
"""
