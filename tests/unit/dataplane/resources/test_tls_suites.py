"""What of TLS is offered follows from the environment, and from nothing else."""

from typing import Any

import pytest
from pydantic import ValidationError

from wardgate.catalogue import Environment
from wardgate.dataplane.resources.tls_suites import LEGACY_SUITE, SUITES, parameters, upstream


def test_what_is_offered_by_default() -> None:
    """1.2 and 1.3, both ECDHE-RSA GCM suites in order of preference (spec README rule 28)."""
    expected = {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3",
                "cipher_suites": ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"]}
    assert parameters(Environment(name="unit")) == upstream() == expected


def test_the_old_suite_comes_last() -> None:
    """And only for callers: endpoints have a better one."""
    assert parameters(Environment(name="unit", tls_legacy_suite=True))["cipher_suites"] == [*SUITES, LEGACY_SUITE]


@pytest.mark.parametrize("wrong", [
    {"tls_minimum": "1.3", "tls_maximum": "1.2"}, {"tls_minimum": "1.1"}, {"tls_maximum": "1.4"}, {"tls_minimum": 1.2}, {"tls_legacy_suite": "yes"},
    {"relay_trust": "no certificate"},
])  # fmt: skip
def test_settings_that_mean_nothing(wrong: dict[str, Any]) -> None:
    """Refused where the manifest is checked."""
    with pytest.raises(ValidationError):
        Environment.model_validate({"name": "unit"} | wrong)
