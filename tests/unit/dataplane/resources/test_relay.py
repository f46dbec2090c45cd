"""Where the secure proxy may relay to, and when it listens."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.directory.samples import ENDPOINT
from unit.security_patterns.systems import DIRECTORY, PROVIDER, PROVIDER_NAME, SNAPSHOT
from wardgate.dataplane.resources import relay
from wardgate.dataplane.resources.clusters import clusters, endpoint
from wardgate.dataplane.resources.relay import Target
from wardgate.directory.index import DirectoryIndex
from wardgate.security_patterns.system_call import Relay

RECORDS_NAME = "nrl-z9x02.example.thirdparty.nhs.uk"


def test_every_endpoint_that_a_rule_leads_to_is_a_target() -> None:
    """Once for each name and place to connect to, in a fixed order."""
    assert relay.targets(SNAPSHOT) == [Target(PROVIDER_NAME), Target(RECORDS_NAME)]
    connected = replace(SNAPSHOT, connect_to={"S918999000005": "127.0.0.1:9443"})
    assert relay.targets(connected) == [Target(PROVIDER_NAME), Target(PROVIDER_NAME, "127.0.0.1:9443"), Target(RECORDS_NAME)]


@pytest.mark.parametrize("changes", [
    {"directory": None}, {"directory": DirectoryIndex(replace(DIRECTORY, sharing_rules=()))}, {"apis": tuple(api for api in SNAPSHOT.apis if not api.relays)},
    {"directory": DirectoryIndex(replace(DIRECTORY, enrolments=tuple(one for one in DIRECTORY.enrolments if one.asid != PROVIDER)))},
])  # fmt: skip
def test_otherwise_there_is_none(changes: dict[str, Any]) -> None:
    """Without a directory, a rule, a secure proxy or a live receiver."""
    assert relay.targets(replace(SNAPSHOT, **changes)) == []


@pytest.mark.parametrize("url", [
    "http://gp.example.nhs.uk/a", "https://gp.example.nhs.uk:8443/a", "https://user@gp.example.nhs.uk/a", "https://127.0.0.1/a", "https://[::1]/a", "https://2130706433/",
    "https://localhost/a", "https:///a", "https://gp_1.example.nhs.uk/", "https://-a.example.nhs.uk/", "https://" + "a." * 130 + "uk/", "ftp://gp.example.nhs.uk/", "",
])  # fmt: skip
def test_a_registered_url_of_another_kind_is_nobodys(url: str) -> None:
    """A name on the network, without port and user: nothing else is ever connected to."""
    directory = replace(DIRECTORY, endpoints=(replace(ENDPOINT, urls=(url,)),))
    assert relay.targets(replace(SNAPSHOT, directory=DirectoryIndex(directory))) == []


def test_a_decided_call_has_the_cluster_of_its_endpoint() -> None:
    """Whatever case the URL is in; and the cluster checks that name."""
    snapshot = replace(SNAPSHOT, connect_to={"S918999000005": "10.0.0.1:9443"})
    cluster = relay.cluster_of(Relay("GP.Example.Thirdparty.NHS.uk", "/x", "S918999000005"), snapshot)
    assert cluster == f"relay-{PROVIDER_NAME}@10.0.0.1:9443"
    assert relay.cluster_of(Relay(PROVIDER_NAME, "/x", "another"), snapshot) == f"relay-{PROVIDER_NAME}"


def test_a_cluster_checks_the_name_whatever_it_connects_to(world: Any, tmp_path: Path) -> None:
    """SNI and certificate are the endpoint's; only the address is another."""
    found = endpoint(Target(PROVIDER_NAME, "10.0.0.1:9443"), world.layout(tmp_path, tmp_path))
    context = found["transport_socket"]["typed_config"]
    assert context["sni"] == PROVIDER_NAME
    checked = context["common_tls_context"]["combined_validation_context"]["default_validation_context"]
    assert checked["match_typed_subject_alt_names"] == [{"san_type": "DNS", "matcher": {"exact": PROVIDER_NAME}}]
    [place] = found["load_assignment"]["endpoints"][0]["lb_endpoints"]
    assert place["endpoint"]["address"] == {"socket_address": {"address": "10.0.0.1", "port_value": 9443}}


def test_it_listens_when_there_is_a_port_and_a_proxy(world: Any, tmp_path: Path) -> None:
    """Without a port the API is not served, and there are no clusters for it."""
    without = world.layout(tmp_path, tmp_path)
    layout = replace(without, relay_port=18446)
    assert relay.listens(layout, SNAPSHOT)
    assert not relay.listens(without, SNAPSHOT)
    assert not relay.listens(layout, replace(SNAPSHOT, apis=()))
    names = {cluster["name"] for cluster in clusters(SNAPSHOT, layout)}
    assert {f"relay-{PROVIDER_NAME}", f"relay-{RECORDS_NAME}"} < names
    assert not [name for name in names if name.startswith("api-ssp")]
    assert not [cluster for cluster in clusters(SNAPSHOT, without) if cluster["name"].startswith("relay-")]
