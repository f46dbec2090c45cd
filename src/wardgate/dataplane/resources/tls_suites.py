"""Which versions and cipher suites of TLS are offered (spine 5.1; spec README rule 28).

Of the eight suites that Spine publishes, Envoy has three: both ECDHE-RSA GCM suites, always offered, and `ECDHE-RSA-AES256-SHA`, which
an environment switches on for callers that have nothing better. `ECDHE-RSA-AES256-SHA384` and the four DHE suites cannot be
offered: BoringSSL, Envoy's library, does not know them. The suites of TLS 1.3 are not a choice.
"""

from typing import Final

from wardgate.catalogue import Environment
from wardgate.dataplane.resources.envoy import JSON

SUITES: Final = ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256")
"""In order of preference."""
LEGACY_SUITE: Final = "ECDHE-RSA-AES256-SHA"
CERTIFICATE_RECHECK_SECONDS: Final = 3600
"""Where certificates are asked for, a connection lives at most this long, so that they are looked at again and renewed ones are shown."""
VERSIONS: Final = {"1.2": "TLSv1_2", "1.3": "TLSv1_3"}


def parameters(environment: Environment) -> JSON:
    """Return Envoy's TlsParameters for callers of this environment."""
    suites = [*SUITES, *([LEGACY_SUITE] if environment.tls_legacy_suite else [])]
    return {"tls_minimum_protocol_version": VERSIONS[environment.tls_minimum], "tls_maximum_protocol_version": VERSIONS[environment.tls_maximum],
            "cipher_suites": suites}


def upstream() -> JSON:
    """Return the same for connections to endpoints: the best of both ends."""
    return {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3", "cipher_suites": list(SUITES)}
