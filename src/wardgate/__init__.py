"""Wardgate: NHS England's API security patterns, runnable by anyone.

Five floors; imports go down only (`[tool.importlinter]` in `pyproject.toml` checks it on every run):

1. the standards: `jose`, `oauth`, `pki`, `fhir`, `refusals`, `audit` (pure: no I/O, no clock)
2. the NHS domain: `applications`, `directory`, `catalogue`, `quotas`, `security_patterns`, `manifest` (pure)
3. stores and the outside world: `stores`, `keystores`, `outbound`, `dataplane`
4. applications: `authserver`, `decisions`, `ca`, `demo`, `telemetry`
5. edges: `server`, `cli`, `client`
"""

__version__ = "0.1.0"
