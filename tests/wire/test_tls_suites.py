"""Versions and suites of TLS on the mutual-TLS port, asked by `openssl s_client` as Spine's own tests ask (spine 5.1; spec README rule 28)."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from wardgate.dataplane.resources.tls_suites import LEGACY_SUITE, SUITES

NEVER = ("DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA384", "DHE-RSA-AES256-SHA256", "DHE-RSA-AES256-SHA")
"""Published suites that Envoy's library does not have."""
BAD = ("AES128-SHA256", "NULL-MD5")


@pytest.fixture(scope="module")
def plane(new_plane: Any) -> Iterator[Any]:
    """An Envoy whose environment the tests change."""
    with new_plane() as found:
        yield found


def shaken(plane: Any, cast: Any, listener: str, *options: str, **environment: Any) -> tuple[str, str] | None:
    """Return version and suite of a handshake with these options in an environment like this; None when there is none."""
    wanted = plane.snapshot.environment.model_copy(update={"tls_minimum": "1.2", "tls_maximum": "1.3", "tls_legacy_suite": False} | environment)
    if plane.snapshot.environment != wanted:
        plane.publish(replace(plane.snapshot, environment=wanted))
    port = {"https": plane.layout.https_port, "mtls": plane.layout.mtls_port}[listener]
    identity = cast.people["alpha"].identity
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", str(cast.roots), "-cert", str(identity.certificate), "-key", str(identity.key),
         "-verify_return_error", "-no_ign_eof", *options], input=b"", capture_output=True, timeout=30, check=False)
    found = re.search(r"New, (\S+), Cipher is (\S+)", done.stdout.decode())
    return None if found is None or found[1] == "(NONE)," or found[2] == "(NONE)" else (found[1].rstrip(","), found[2])


@pytest.mark.parametrize("listener", ["https", "mtls"])
@pytest.mark.parametrize("suite", SUITES)
def test_the_good_suites(suite: str, listener: str, plane: Any, cast: Any) -> None:
    """Both ECDHE-RSA GCM suites: the server's certificate is RSA, as the suites want it."""
    found = shaken(plane, cast, listener, "-tls1_2", "-cipher", suite)
    assert found == ("TLSv1.2", suite)


@pytest.mark.parametrize("suite", [*NEVER, *BAD, LEGACY_SUITE])
def test_no_other_suite(suite: str, plane: Any, cast: Any) -> None:
    """Neither what Spine forbids, nor what Envoy cannot, nor the old one unless it is switched on."""
    assert shaken(plane, cast, "mtls", "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0") is None


def test_the_old_suite_by_setting(plane: Any, cast: Any) -> None:
    """It is there beside the good ones, which are still preferred."""
    assert shaken(plane, cast, "mtls", "-tls1_2", "-cipher", LEGACY_SUITE, tls_legacy_suite=True) in {("TLSv1.0", LEGACY_SUITE), ("TLSv1.2", LEGACY_SUITE)}
    assert shaken(plane, cast, "mtls", "-tls1_2", "-cipher", f"{LEGACY_SUITE}:{SUITES[1]}", tls_legacy_suite=True) == ("TLSv1.2", SUITES[1])
    for suite in BAD:
        assert shaken(plane, cast, "mtls", "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0", tls_legacy_suite=True) is None


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1"])
def test_no_old_version(version: str, plane: Any, cast: Any) -> None:
    """Not even with the old suite."""
    assert shaken(plane, cast, "mtls", version, "-cipher", "ALL:@SECLEVEL=0", tls_legacy_suite=True) is None


def test_versions_are_settings(plane: Any, cast: Any) -> None:
    """1.3 unless the environment ends at 1.2, as the Spine pages have it; and nothing below 1.3 where it begins there."""
    newest = shaken(plane, cast, "mtls")
    assert newest is not None
    assert newest[0] == "TLSv1.3"
    assert shaken(plane, cast, "mtls", tls_maximum="1.2") == ("TLSv1.2", SUITES[0])
    assert shaken(plane, cast, "mtls", "-tls1_3", tls_maximum="1.2") is None
    assert shaken(plane, cast, "mtls", "-tls1_2", tls_minimum="1.3") is None
