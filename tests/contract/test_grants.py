"""Sign-ins on every database: what is single use is used once, what has ended stays ended, what is over is told as such."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, text

from contract.grant_steps import (
    APPLICATION,
    CODE_SECONDS,
    GRANT_SECONDS,
    NHS,
    STRICT,
    Profile,
    grant,
    redemption,
    rotation,
    said,
    start,
    token,
)
from wardgate.audit import Event
from wardgate.stores import AlreadyExists, Stores, StoreUnavailable, WrongStoreKey
from wardgate.stores.ports import LoginState, Rotated, RotationOutcome
from wardgate.stores.sql.engine import Database

ROTATED, REPEATED, USED = RotationOutcome.ROTATED, RotationOutcome.REPEATED, RotationOutcome.USED
UNKNOWN, EXPIRED = RotationOutcome.UNKNOWN, RotationOutcome.EXPIRED
PROFILES = pytest.mark.parametrize("profile", [NHS, STRICT], ids=lambda profile: profile.name)


def later(now: datetime, seconds: float) -> datetime:
    """So many seconds after."""
    return now + timedelta(seconds=seconds)


def rotate(stores: Stores, profile: Profile, at: datetime, old: str, new: str, **more: Any) -> Rotated:
    """Replace one token."""
    (rotated,) = stores.grants.rotate([rotation(profile, at, old, new, **more)])
    return rotated


def reasons(stores: Stores) -> list[str]:
    """The words of every recorded event, in order."""
    return [json.loads(record.body).get("reason") for record in stores.audit.read(0, 1000)]


def test_a_state_is_taken_once_and_in_time(stores: Stores, again: Stores, now: datetime) -> None:
    """Any node may take it; a second taker, a late one and one who guesses get nothing."""
    state = LoginState("state-1", '{"redirect_uri":"x"}', later(now, 600))
    stores.grants.hold(state)
    stores.grants.hold(replace(state, id="state-2"))
    with pytest.raises(AlreadyExists):
        again.grants.hold(state)
    assert again.grants.take("state-1", now) == state
    assert stores.grants.take("state-1", now) is None
    assert stores.grants.take("state-3", now) is None
    assert stores.grants.take("state-2", later(now, 600)) is None
    assert stores.grants.take("state-2", now) is None


@PROFILES
def test_a_start_keeps_everything_in_one_step(stores: Stores, again: Stores, now: datetime, profile: Profile) -> None:
    """Grant, token, claim and event; the next with the same assertion leaves its own event and nothing else."""
    first = start(profile, now, refresh="t0", jti="j", provider_session="s", grant_id="g")
    second = start(profile, now, refresh="u0", jti="j", grant_id="h")
    assert list(stores.grants.start([first, second, start(profile, now, grant_id="i", code="c")])) == [True, False, True]
    assert list(again.grants.start([replace(second, code=None)])) == [False]
    assert reasons(again) == ["started-g", "replayed-j", "started-i", "replayed-j"]
    assert again.grants.get("g") == first.grant
    assert again.grants.get("h") is None
    assert again.grants.refresh_token("hash-u0") is None
    found = again.grants.refresh_token("hash-t0")
    assert found == (replace(token(profile, "t0", first.grant.until), text=None), first.grant)
    assert again.grants.code("hash-c", now) is not None
    assert again.single_uses.seen("assertion:c-1", "j")
    assert again.generation.current() == 0


def test_a_code_is_redeemed_once(stores: Stores, again: Stores, now: datetime) -> None:
    """The first redemption gives the grant and keeps its first refresh token; every other is refused and recorded."""
    stores.grants.start([start(NHS, now, code="c")])
    code = again.grants.code("hash-c", now)
    assert code is not None
    assert (code.grant, code.application, code.redirect_uri, code.challenge) == ("g", APPLICATION, "https://client.example/back", "challenge")
    answers = stores.grants.redeem([redemption(NHS, now, "c", "t0"), redemption(NHS, now, "c", "t1")])
    assert [answer == grant(now) for answer in answers] == [True, False]
    assert again.grants.redeem([redemption(NHS, now, "c", "t2")]) == [None]
    assert again.grants.code("hash-c", later(now, CODE_SECONDS)) == code  # its second use must be heard of
    assert [again.grants.refresh_token(f"hash-t{number}") is not None for number in range(3)] == [True, False, False]
    assert reasons(stores) == ["started-g", "redeemed-c", "refused-c", "refused-c"]
    found = stores.grants.refresh_token("hash-t0")
    assert found is not None
    assert found[0].until == grant(now).until  # no longer than the grant, whatever was asked


@pytest.mark.parametrize("case", ["unknown", "another application's", "over", "the grant is over", "the grant has ended"])
@PROFILES
def test_a_code_that_is_refused(stores: Stores, now: datetime, event: Event, profile: Profile, case: str) -> None:
    """Each way is recorded as a refusal; only a code of another application is still good for its own."""
    until = later(now, 60) if case == "the grant is over" else later(now, GRANT_SECONDS)
    stores.grants.start([start(profile, now, code="c", until=until)])
    at = {"over": later(now, CODE_SECONDS), "the grant is over": later(now, 60)}.get(case, now)
    if case == "the grant has ended":
        stores.grants.end(["g"], now, event)
    assert (stores.grants.code("hash-c", at) is None) == (case in {"over", "the grant is over", "the grant has ended"})
    asked = redemption(profile, at, "d" if case == "unknown" else "c", "t0", "other-app" if case == "another application's" else APPLICATION)
    assert stores.grants.redeem([asked]) == [None]
    assert reasons(stores)[-1] == f"refused-{asked.hash[5:]}"
    assert stores.grants.refresh_token("hash-t0") is None
    own = stores.grants.redeem([redemption(profile, now, "c", "t1")])[0]
    assert (own is not None) == (case != "the grant has ended")


def test_a_code_used_again_ends_the_grant_in_strict(stores: Stores, again: Stores, now: datetime) -> None:
    """RFC 6749 section 4.1.2: the tokens of the first use count no more, and the gateway is told."""
    stores.grants.start([start(STRICT, now, code="c")])
    stores.grants.redeem([redemption(STRICT, now, "c", "t0")])
    assert again.grants.redeem([redemption(STRICT, later(now, 400), "c", "t1"), redemption(STRICT, later(now, 400), "c", "t2")]) == [None, None]
    assert reasons(stores) == ["started-g", "redeemed-c", "ended-by-c", "refused-c"]
    assert stores.grants.refresh_token("hash-t0") is None
    assert stores.grants.ended(now) == {"g"}
    assert stores.generation.current() == 1


@PROFILES
def test_a_chain_of_rotations(stores: Stores, again: Stores, now: datetime, profile: Profile) -> None:
    """Counts rise by one, no successor outlives the grant, and the text is kept only in strict, and only while it is good."""
    stores.grants.start([start(profile, now, refresh="t0")])
    for number in range(4):
        at = later(now, 100 * number)
        rotated = rotate((stores, again)[number % 2], profile, at, f"t{number}", f"t{number + 1}")
        assert rotated == Rotated(ROTATED, grant(now), token(profile, f"t{number + 1}", grant(now).until, count=number + 1))
        looked = stores.grants.refresh_token(f"hash-t{number + 1}")
        assert looked is not None
        assert (looked[0].count, looked[0].text) == (number + 1, None)
    assert reasons(again) == ["started-g", *(f"rotated-t{number}" for number in range(4))]
    assert again.generation.current() == 0


def test_second_use_in_nhs_is_used_at_once_and_the_family_is_kept(stores: Stores, again: Stores, now: datetime) -> None:
    """Also within one batch: exactly one wins, and the winner's token goes on."""
    stores.grants.start([start(NHS, now, refresh="t0")])
    answers = stores.grants.rotate([rotation(NHS, now, "t0", name) for name in ("t1", "u1", "v1")])
    assert [answer.outcome for answer in answers] == [ROTATED, USED, USED]
    assert again.grants.rotate([rotation(NHS, now, "t0", "w1")])[0] == Rotated(USED, grant(now))
    assert rotate(again, NHS, now, "t1", "t2").outcome is ROTATED
    assert reasons(stores) == ["started-g", "rotated-t0", "rotated-t1"]
    assert stores.grants.ended(now - timedelta(days=1)) == frozenset()


def test_a_repeated_use_in_strict_gets_the_same_successor(stores: Stores, again: Stores, now: datetime) -> None:
    """Within the grace, also within one batch and on another node; nothing more is stored, and the successor is good."""
    stores.grants.start([start(STRICT, now, refresh="t0")])
    first, second = stores.grants.rotate([rotation(STRICT, now, "t0", "t1"), rotation(STRICT, now, "t0", "u1")])
    third = rotate(again, STRICT, later(now, 9.999), "t0", "v1")
    assert first.outcome is ROTATED
    assert second == third == replace(first, outcome=REPEATED)
    assert third.token is not None
    assert third.token.text == "text-t1"
    assert reasons(stores) == ["started-g", "rotated-t0"]
    assert rotate(stores, STRICT, later(now, 10), "t1", "t2").outcome is ROTATED


def test_a_successor_that_was_used_is_not_given_out_again(stores: Stores, now: datetime) -> None:
    """Within the grace that is no theft yet: used, and the family lives."""
    stores.grants.start([start(STRICT, now, refresh="t0")])
    rotate(stores, STRICT, now, "t0", "t1")
    rotate(stores, STRICT, later(now, 1), "t1", "t2")
    assert rotate(stores, STRICT, later(now, 2), "t0", "u1") == Rotated(USED, grant(now))
    assert rotate(stores, STRICT, later(now, 3), "t1", "u2").token == token(STRICT, "t2", grant(now).until, count=2)
    assert stores.grants.ended(now - timedelta(days=1)) == frozenset()


def test_use_after_the_grace_ends_the_family_in_strict(stores: Stores, again: Stores, now: datetime) -> None:
    """RFC 9700 section 4.14: recorded in the same step, the gateway is told, and the newest token counts no more."""
    stores.grants.start([start(STRICT, now, refresh="t0")])
    stores.grants.start([start(STRICT, now, grant_id="h", refresh="h0")])
    rotate(stores, STRICT, now, "t0", "t1")
    at = later(now, 10)
    answers = again.grants.rotate([rotation(STRICT, at, "t0", "u1"), rotation(STRICT, at, "t1", "t2"), rotation(STRICT, at, "h0", "h1")])
    assert answers[0] == Rotated(USED, grant(now), ended=True)
    assert answers[1] == Rotated(UNKNOWN)
    assert answers[2].outcome is ROTATED
    assert reasons(stores) == ["started-g", "started-h", "rotated-t0", "ended-by-t0", "rotated-h0"]
    assert stores.generation.current() == 1
    assert stores.grants.ended(later(now, 9)) == {"g"}
    assert stores.grants.get("g") == grant(now, body="", ended=at)
    assert rotate(stores, STRICT, at, "t0", "u1").outcome is UNKNOWN


def test_a_successor_without_text_cannot_be_repeated(stores: Stores, now: datetime) -> None:
    """An application that has just become strict: used, but not taken for theft."""
    stores.grants.start([start(NHS, now, refresh="t0")])
    rotate(stores, NHS, now, "t0", "t1")
    assert rotate(stores, STRICT, now, "t0", "u1") == Rotated(USED, grant(now))


@PROFILES
def test_a_token_of_nobody_or_of_another_application_is_unknown(stores: Stores, now: datetime, profile: Profile) -> None:
    """And a thief that is another client cannot use it up, nor end the family."""
    stores.grants.start([start(profile, now, refresh="t0")])
    assert rotate(stores, profile, now, "zz", "t1") == Rotated(UNKNOWN)
    for at in (now, later(now, 20)):
        assert rotate(stores, profile, at, "t0", "x1", application="other-app") == Rotated(UNKNOWN)
    assert rotate(stores, profile, now, "t0", "t1").outcome is ROTATED


@PROFILES
def test_a_token_that_is_over_is_expired(stores: Stores, now: datetime, profile: Profile) -> None:
    """By its own end or by the grant's; a repeated use too, when what it would give is over."""
    stores.grants.start([start(profile, now, refresh="t0")])
    first = rotation(profile, now, "t0", "t1")
    stores.grants.rotate([replace(first, successor=replace(first.successor, until=later(now, 5)))])
    assert rotate(stores, profile, later(now, 5), "t1", "t2") == Rotated(EXPIRED, grant(now))
    if profile.grace:
        assert rotate(stores, profile, later(now, 5), "t0", "u1").outcome is EXPIRED
    assert rotate(stores, profile, later(now, 4), "t1", "t2").outcome is ROTATED
    assert rotate(stores, profile, later(now, GRANT_SECONDS), "t2", "t3") == Rotated(EXPIRED, grant(now))
    assert stores.grants.refresh_token("hash-t2") is not None


def test_ending_is_for_good(stores: Stores, again: Stores, now: datetime, event: Event) -> None:
    """No code, no token, no second end; the generation rises once, and the first end's time stays."""
    stores.grants.start([
        start(STRICT, now, code="c", grant_id="a", provider_session="s"),
        start(STRICT, later(now, 1), refresh="t0", grant_id="b", provider_session="s"),
        start(STRICT, now, refresh="u0", grant_id="c", provider_session="other"),
    ])
    assert [found.id for found in again.grants.of_session("s")] == ["a", "b"]
    assert stores.grants.end(["a", "b", "nobody"], later(now, 5), event) == 1
    assert again.grants.end(["a"], later(now, 50), event) == 1
    assert again.grants.of_session("s") == []
    assert again.grants.ended(later(now, 4)) == {"a", "b"}
    assert again.grants.ended(later(now, 5)) == frozenset()
    assert again.grants.code("hash-c", now) is None
    assert again.grants.redeem([redemption(STRICT, later(now, 5), "c", "t1")]) == [None]
    assert rotate(again, STRICT, later(now, 5), "t0", "t1") == Rotated(UNKNOWN)
    assert rotate(again, STRICT, later(now, 5), "u0", "u1").outcome is ROTATED
    assert again.grants.get("a") == grant(now, "a", body="", ended=later(now, 5), provider_session="s")
    assert again.generation.current() == 1


def test_purge_keeps_what_must_still_be_told(stores: Stores, now: datetime) -> None:
    """Used while the family may live; expired for three days; then unknown. Bodies go with the family."""
    stores.grants.hold(LoginState("s", "{}", later(now, 600)))
    stores.grants.start([start(NHS, now, code="c")])
    stores.grants.redeem([redemption(NHS, now, "c", "t0")])
    rotate(stores, NHS, now, "t0", "t1")
    assert stores.grants.purge(later(now, 600)) == 1  # the state alone
    end = later(now, GRANT_SECONDS)
    assert stores.grants.purge(later(end, 3600)) == 0
    assert rotate(stores, NHS, later(end, -1), "t0", "u1").outcome is USED
    assert stores.grants.purge(later(end, 3601)) == 2
    assert rotate(stores, NHS, end, "t0", "u1").outcome is UNKNOWN
    assert rotate(stores, NHS, later(end, 3601), "t1", "t2") == Rotated(EXPIRED, grant(now, body=""))
    assert stores.grants.purge(later(end, 3 * 86400)) == 1  # the code
    assert rotate(stores, NHS, later(end, 3 * 86400), "t1", "t2").outcome is EXPIRED
    assert stores.grants.purge(later(end, 3 * 86400 + 1)) == 2
    assert rotate(stores, NHS, later(end, 3 * 86400 + 1), "t1", "t2").outcome is UNKNOWN
    assert stores.grants.get("g") is None


@pytest.mark.parametrize("wrong", ["replay without event", "end without event", "code's end without event", "code and token", "grace", "body", "time"])
def test_a_step_that_cannot_be_recorded_or_is_beyond_a_limit_changes_nothing(stores: Stores, now: datetime, wrong: str) -> None:
    """Nothing of its batch is stored either: the caller is told, and may try the others again."""
    stores.grants.start([start(STRICT, now, refresh="t0"), start(STRICT, now, grant_id="f", code="c")])
    good = start(STRICT, now, grant_id="h", refresh="h0", jti="j")
    turn, use = rotation(STRICT, now, "t0", "t1"), redemption(STRICT, now, "c", "c0")
    calls: dict[str, Any] = {
        "replay without event": lambda: stores.grants.start([good, replace(good, if_replayed=None)]),
        "end without event": lambda: stores.grants.rotate([turn, replace(turn, if_ended=None)]),
        "code's end without event": lambda: stores.grants.redeem([use, replace(use, if_ended=None)]),
        "code and token": lambda: stores.grants.start([good, start(STRICT, now, grant_id="i", code="d", refresh="i0")]),
        "grace": lambda: stores.grants.rotate([turn, replace(turn, grace=301)]),
        "body": lambda: stores.grants.start([good, start(STRICT, now, grant_id="i", body="x" * 65_537)]),
        "time": lambda: stores.grants.rotate([turn, replace(rotation(STRICT, now, "c0", "t2"), if_rotated=said(now.replace(tzinfo=None), "x"))]),
    }
    if wrong == "time":
        stores.grants.redeem([use])
    before = reasons(stores)
    with pytest.raises(ValueError, match=r"event|not with both|grace|characters|time zone"):
        calls[wrong]()
    assert reasons(stores) == before
    assert stores.grants.refresh_token("hash-t1") is None
    assert stores.grants.get("h") is None
    assert rotate(stores, STRICT, now, "t0", "t1").outcome is ROTATED


def test_a_hash_that_exists_is_refused(stores: Stores, now: datetime) -> None:
    """A successor that is somebody's token already: nothing is changed."""
    stores.grants.start([start(NHS, now, refresh="t0"), start(NHS, now, grant_id="h", refresh="h0")])
    with pytest.raises(AlreadyExists):
        rotate(stores, NHS, now, "t0", "h0")
    assert rotate(stores, NHS, now, "t0", "t1").outcome is ROTATED
    with pytest.raises(AlreadyExists):
        stores.grants.start([start(NHS, now, grant_id="h")])


def test_bodies_and_texts_are_sealed_in_their_places(stores: Stores, now: datetime, database: Database) -> None:
    """No table holds them in clear, and a body that was moved to another grant does not open."""
    stores.grants.hold(LoginState("s", '{"sub":"1"}', later(now, 600)))
    stores.grants.start([start(STRICT, now, refresh="t0"), start(STRICT, now, grant_id="h", refresh="h0", body='{"sub":"2"}')])
    with database.engine.connect() as connection:
        for name in ("grants", "refresh_tokens", "login_states"):
            everything = repr([tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))])
            assert "sub" not in everything
            assert "text-" not in everything
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE grants SET sealed = (SELECT sealed FROM grants WHERE id = 'g') WHERE id = 'h'"))
    with pytest.raises(WrongStoreKey):
        rotate(stores, STRICT, now, "h0", "h1")
    assert stores.grants.refresh_token("hash-h1" if database.is_sqlite else "hash-x") is None
    assert rotate(stores, STRICT, now, "t0", "t1").outcome is ROTATED


def test_a_store_that_is_gone_refuses(stores: Stores, now: datetime, database: Database) -> None:
    """Fails closed, whatever was asked."""
    stores.grants.start([start(NHS, now, refresh="t0")])
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE refresh_tokens"))
    assert not inspect(database.engine).has_table("refresh_tokens")
    with pytest.raises(StoreUnavailable):
        rotate(stores, NHS, now, "t0", "t1")
    with pytest.raises(StoreUnavailable):
        stores.grants.refresh_token("hash-t0")
