"""Telemetry: what Envoy wrote down becomes records and counts.

Owns: reading Envoy's log exactly once, each line as an event of the audit chain, and counting long quotas.
Leaves: what Envoy writes (`dataplane.resources.log_format`), the chain (`audit`, `stores`), quotas as policy (`quotas`).
Read: systems, lines, counting, tail.
"""
