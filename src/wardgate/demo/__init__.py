"""The demo world: a manifest, sample backends and keys that everyone has.

Owns: what `--demo` adds to an environment, and the refusal of all of it in a live one.
Leaves: the gateway and the token endpoint, which treat the demo like anything else; starting the backends (`server`).
Read: world, keys, refuse_live, nhs_number, fhir_resources, fhir_server, samples, letter, post, backends.
"""

from wardgate.demo.world import DEFAULT_BACKEND, DEFAULT_PROVIDER, manifest, source

__all__ = ["DEFAULT_BACKEND", "DEFAULT_PROVIDER", "manifest", "source"]
