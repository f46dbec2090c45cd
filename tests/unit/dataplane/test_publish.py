"""From one snapshot to the next there is no moment at which an Envoy says what no snapshot said (`theatre` has the stage)."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from depth import examples
from unit.dataplane.theatre import ALL_KEYS, API_NAMES, APPLICATIONS, BOTH, Theatre
from wardgate.dataplane.compile import BIG_MAP, EXTENSIONS, GRANTS, OVERLAY, SYSTEM_OVERLAY, Key
from wardgate.dataplane.errors import Rejected
from wardgate.dataplane.publish import LARGEST_OVERLAY, URGENT_SECONDS
from wardgate.dataplane.resources.envoy import Filter


@pytest.fixture
def new_theatre(world: Any, tls: Any, tmp_path: Path) -> Iterator[Callable[[], Theatre]]:
    """Make a control plane with two Envoys that have nothing yet."""
    script = tmp_path / "envoy"
    script.write_text(f"#!/bin/sh\n[ ! -e {tmp_path}/refuse ]\n")
    script.chmod(0o700)
    with contextlib.ExitStack() as stack:
        def new() -> Theatre:
            stack.pop_all().close()
            found = Theatre(world, replace(world.layout(tmp_path, script), http_port=None), tls)
            stack.callback(found.close)
            return found

        yield new


STATE_NAMES = st.sampled_from(("granted", "suspended", "granted", "suspended", "half", "absent", "no products"))
KEYS = st.sampled_from((OVERLAY, BIG_MAP, *ALL_KEYS))
ENVOYS = st.sampled_from((0, 1))
WHICH = st.sampled_from((0, 1, -1))
STEPS = st.one_of(
    st.tuples(st.sampled_from(("change", "begin_change", "begin_change")), st.sampled_from(APPLICATIONS), STATE_NAMES),
    st.tuples(st.just("go"), WHICH),
    st.tuples(st.sampled_from(("go_twice", "go_twice", "refuse")), WHICH),
    st.tuples(st.sampled_from(("ask", "take", "poll", "poll")), ENVOYS, KEYS),
    st.tuples(st.sampled_from(("over", "die")), ENVOYS),
    st.tuples(st.sampled_from(("fold", "quiet_fold", "quiet_fold", "begin_fold", "all_poll", "all_poll", "all_poll", "be_away", "restart", "torn", "forgive"))),
)


def perform(theatre: Theatre, step: str, about: list[Any]) -> None:
    """Do one step."""
    if step in {"ask", "poll"}:
        getattr(theatre.envoys[about[0]], step)(theatre.discovery, about[1])
    elif step == "take":
        theatre.envoys[about[0]].take(about[1])
    elif step == "over":
        theatre.envoys[about[0]].look(theatre.discovery, over=True)
    elif step == "die":
        theatre.envoys[about[0]].die()
    elif step == "go_twice":
        theatre.go(about[0])
        theatre.go(about[0])
    elif step == "refuse":
        theatre.go(about[0], refused=True)
    elif step == "torn":
        theatre.restart(lost=True)
    elif step == "quiet_fold":
        theatre.be_quiet()
        theatre.begin_fold()
    else:
        if step in {"change", "fold"}:
            theatre.forgive()
        getattr(theatre, step)(*about)


SCENES = st.lists(st.lists(STEPS, max_size=12), max_size=12).map(chain.from_iterable).map(list)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(first=st.tuples(STATE_NAMES, STATE_NAMES), steps=SCENES)
def test_no_envoy_ever_says_what_no_snapshot_said(
    new_theatre: Callable[[], Theatre], first: tuple[str, str], steps: list[tuple[Any, ...]]
) -> None:
    """Whatever changes, whoever asks when, is away, dies or restarts: a granted application is not refused, a suspended one not admitted."""
    theatre = new_theatre()
    for application, state in zip(APPLICATIONS, first, strict=True):
        theatre.change(application, state)
    theatre.settle()
    for step, *about in steps:
        perform(theatre, step, about)
        theatre.check()
    theatre.forgive()
    theatre.settle()
    for envoy in theatre.envoys:
        for (name, api), expected in theatre.history[-1].items():
            assert envoy.admits(theatre.world, name, api) is expected
        assert theatre.discovery.has(OVERLAY)
    assert theatre.publisher.folded()
    assert not theatre.discovery.live()["one"].rejected


@pytest.fixture
def theatre(new_theatre: Callable[[], Theatre]) -> Theatre:
    """A control plane with two Envoys that have everything."""
    found = new_theatre()
    found.settle()
    return found


def taken(theatre: Theatre) -> None:
    """Let every Envoy take the overlays, and tell so."""
    for envoy in theatre.envoys:
        for key in (GRANTS, OVERLAY, SYSTEM_OVERLAY) * 3:
            envoy.poll(theatre.discovery, key)


def test_a_change_that_is_taken_back_during_a_fold_stays_taken_back(theatre: Theatre) -> None:
    """The map of the fold admits, the one before does not, the application is suspended again: refused beside either map."""
    theatre.change("a", "suspended")
    theatre.settle()
    theatre.change("a", "granted")
    taken(theatre)
    before = theatre.discovery.resources[BIG_MAP]
    theatre.fold()
    assert theatre.discovery.resources[BIG_MAP] is not before, "a map that admits is on its way"
    theatre.change("a", "suspended")
    envoy = theatre.envoys[0]
    for key in (OVERLAY, BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
        if key is OVERLAY:
            assert not envoy.admits(theatre.world, "a", "x")


def test_a_change_that_is_taken_back_while_a_map_is_made_stays_taken_back(theatre: Theatre) -> None:
    """The overlay is confirmed before the map that admits is ready; an Envoy that then takes the map goes on refusing."""
    theatre.change("a", "suspended")
    theatre.settle()
    theatre.change("a", "granted")
    taken(theatre)
    theatre.be_quiet()
    theatre.begin_fold()
    assert theatre.publisher.making()
    theatre.begin_change("a", "suspended")
    before = theatre.discovery.resources[BIG_MAP]
    while len(theatre.history) < 4:
        theatre.go(-1)  # the map waits for its thread all the while
    assert theatre.discovery.resources[BIG_MAP] is before, "the change has not waited for the map"
    taken(theatre)
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is not before
    envoy = theatre.envoys[0]
    for key in (BIG_MAP, OVERLAY, BIG_MAP):
        envoy.poll(theatre.discovery, key)
        assert not envoy.admits(theatre.world, "a", "x")
    theatre.settle()
    assert not envoy.admits(theatre.world, "a", "x")


def test_a_map_is_not_begun_beside_a_publication(theatre: Theatre) -> None:
    """What is being published does not count on it: the overlay would not say what the map still admits."""
    theatre.change("a", "suspended")
    theatre.settle()
    theatre.change("a", "granted")
    taken(theatre)
    theatre.be_quiet()
    theatre.begin_change("a", "suspended")
    theatre.begin_fold()
    assert not theatre.publisher.making()
    theatre.finish()
    taken(theatre)
    for _ in range(3):
        theatre.fold()
        for envoy in theatre.envoys:
            envoy.poll(theatre.discovery, BIG_MAP)
            assert not envoy.admits(theatre.world, "a", "x")


def test_a_map_waits_for_an_overlay_that_is_on_its_way_but_not_for_ever(theatre: Theatre) -> None:
    """Envoy would take the whole map before the urgent change; one that never takes the overlay does not stop folding."""
    before = theatre.discovery.resources[BIG_MAP]
    theatre.change("a", "suspended")
    theatre.fold()
    assert theatre.discovery.resources[BIG_MAP] is before
    theatre.clock += URGENT_SECONDS
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is not before


def test_a_map_that_envoy_refuses_is_dropped_and_made_again_later(theatre: Theatre) -> None:
    """Nothing else is lost: what is in force stays, changes go on, and the next map holds them all."""
    theatre.change("a", "suspended")
    taken(theatre)
    before = dict(theatre.discovery.resources)
    theatre.be_quiet()
    theatre.begin_fold()
    theatre.go(0)
    theatre.go(0, refused=True)
    with pytest.raises(Rejected):
        theatre.finish()
    assert theatre.discovery.resources == before
    assert not theatre.publisher.making()
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources == before, "not at once"
    theatre.change("b", "suspended")
    theatre.settle()
    assert theatre.publisher.folded()
    assert not any(theatre.envoys[0].admits(theatre.world, name, api) for name in APPLICATIONS for api in API_NAMES)


def test_a_fold_does_not_turn_the_clock_back(theatre: Theatre) -> None:
    """It was begun before a key expired and ends after that was published: the key stays expired."""
    now, api_keys = theatre.world.now, Key(EXTENSIONS, Filter.API_KEYS)
    theatre.change("a", "suspended")
    taken(theatre)
    keys = {key: replace(found, expires=now + timedelta(seconds=1)) for key, found in theatre.snapshot.api_keys.items()}
    expiring = replace(theatre.snapshot, api_keys=keys)
    theatre.be_quiet()
    before = theatre.discovery.resources[BIG_MAP]
    theatre.begin_fold()
    later = theatre.loop.create_task(theatre.publisher.publish(expiring, theatre.tls, now + timedelta(seconds=2)))
    theatre.spin()
    while not later.done():
        theatre.go(-1)
    assert b"api-key-expired:b" in theatre.discovery.resources[api_keys].body
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is not before
    assert b"api-key-expired:b" in theatre.discovery.resources[api_keys].body
    theatre.settle()
    assert b"api-key-expired:b" in theatre.discovery.resources[api_keys].body


def test_an_envoy_that_was_away_with_a_map_it_never_confirmed_takes_the_new_map_first(new_theatre: Callable[[], Theatre]) -> None:
    """It asked without a map, got one that admits, and was away while that was replaced: the emptied overlay must wait."""
    theatre = new_theatre()
    theatre.change("a", "absent")
    envoy = theatre.envoys[1]
    for key in (BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
    for _ in range(3):
        theatre.fold()
    for key in (OVERLAY, BIG_MAP, OVERLAY, OVERLAY):
        envoy.poll(theatre.discovery, key)
        assert not envoy.admits(theatre.world, "a", "x")
    theatre.settle()
    assert envoy.versions[OVERLAY] == theatre.discovery.resources[OVERLAY].version


def test_an_envoy_that_outlived_the_control_plane_takes_the_map_first(theatre: Theatre) -> None:
    """Its overlay refuses; the new one, which counts on another map, is held back until that map has come."""
    theatre.change("a", "suspended")
    envoy = theatre.envoys[0]
    envoy.poll(theatre.discovery, OVERLAY)
    theatre.restart()
    held = envoy.versions[OVERLAY]
    envoy.poll(theatre.discovery, OVERLAY)
    assert envoy.versions[OVERLAY] == held
    assert not envoy.admits(theatre.world, "a", "x")
    for key in (BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
    assert envoy.versions[OVERLAY] == held, "that the map has come is known when it is asked for again"
    for key in (BIG_MAP, OVERLAY):
        envoy.poll(theatre.discovery, key)
    assert envoy.versions[OVERLAY] != held
    assert not envoy.admits(theatre.world, "a", "x")


def test_the_big_map_is_not_made_again_for_one_change(theatre: Theatre) -> None:
    """A change of one application costs an overlay, not a map; the map follows when it has been quiet."""
    before = theatre.discovery.resources[BIG_MAP]
    theatre.change("b", "suspended")
    taken(theatre)
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP] is before, "it has not been quiet yet"
    theatre.fold()
    assert theatre.discovery.resources[BIG_MAP].version != before.version


def test_many_changes_go_out_by_the_overlay_and_into_the_map_at_once(theatre: Theatre) -> None:
    """More changes than the overlay shall hold do not wait for quiet, but they do not wait for the map either."""
    before = theatre.discovery.resources[BIG_MAP]
    many = {f"m{number}": theatre.world.client(f"m{number}", BOTH) for number in range(LARGEST_OVERLAY + 1)}
    snapshot = theatre.world.snapshot(dict(theatre.snapshot.clients) | many)
    published = theatre.loop.create_task(theatre.publisher.publish(snapshot, theatre.tls, theatre.world.now))
    theatre.spin()
    theatre.finish()
    assert published.result()
    assert theatre.discovery.resources[BIG_MAP] is before
    taken(theatre)
    assert theatre.envoys[0].admits(theatre.world, "m7", "x")
    theatre.begin_fold()
    theatre.finish()
    assert theatre.discovery.resources[BIG_MAP].version != before.version


def test_nothing_changes_when_nothing_changed(theatre: Theatre) -> None:
    """Publishing the same world again touches no version."""
    versions = {key: found.version for key, found in theatre.discovery.resources.items()}
    again = theatre.loop.create_task(theatre.publisher.publish(theatre.snapshot, theatre.tls, theatre.world.now))
    theatre.spin()
    theatre.finish()
    assert again.result() is False
    assert {key: found.version for key, found in theatre.discovery.resources.items()} == versions


def test_what_envoy_rejects_is_not_published(theatre: Theatre) -> None:
    """After a rejection the old resources stay in force, and the next good snapshot counts from them."""
    before = dict(theatre.discovery.resources)
    theatre.begin_change("a", "suspended")
    theatre.go(0)
    theatre.go(0, refused=True)
    with pytest.raises(Rejected):
        theatre.finish()
    assert theatre.discovery.resources == before
    assert theatre.publisher.in_force() is not None
    theatre.change("a", "suspended")
    theatre.settle()
    assert not theatre.envoys[0].admits(theatre.world, "a", "x")
