"""Sample APIs in the manner of Spine and GP Connect, to stand behind a gateway: small, durable, and strict about who owns what.

Owns: the record of pointers (NRL), the record of reasonable adjustments (RA), and one GP practice's provider (GP Connect).
Leaves: who may call at all (the gateway: they believe the identity headers it sets, so they listen on loopback, or behind mutual
TLS), FHIR's two forms (`fhir`), and which organisations and role profiles there are (callables that they are given).
Read: outcomes, caller, references, records, exchange, pointer_resource, pointer_search, pointers, pointer_app, provenance, removal,
adjustment_resource, adjustments, adjustment_app, practice, practice_app.
"""
