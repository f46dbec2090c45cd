"""SIGKILL of a whole Wardgate while codes are redeemed and tokens refreshed: nothing that was answered is lost, and nothing is given twice."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from system import running as system
from system import signing_in

KILLS = 5
WORKERS = 4
CODES = 14
"""That wait when the process is killed, and are redeemed while it dies."""
SEED = 20_261_121
pytestmark = [pytest.mark.envoy, pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")]
"""The client library leaves the socket of a broken connection to the collector."""


@dataclass
class Chain:
    """A sign-in as its application knows it: every answer it got, and whether the last request was answered."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    unanswered: bool = False


@dataclass
class Seen:
    """What all workers were answered, over all lives of the process."""

    chains: list[Chain] = field(default_factory=list)
    codes: dict[str, Chain | None] = field(default_factory=dict)
    """Each code, and what its redemption was answered; None: nothing."""
    refused: list[str] = field(default_factory=list)
    """Answers that should not have been."""
    lock: threading.Lock = field(default_factory=threading.Lock)


def _answer(seen: Seen, ask: Callable[[], httpx2.Response]) -> dict[str, Any] | None:
    """Return the tokens, None when the request was not answered by the token endpoint: the connection broke, or Envoy found nobody behind it."""
    try:
        answer = ask()
    except httpx2.HTTPError:
        return None
    if answer.status_code == 503:
        return None
    if answer.status_code != 200:
        seen.refused.append(f"{answer.status_code} {answer.text}")
        return None
    found: dict[str, Any] = answer.json()
    return found


def _work(wardgate: Any, person: Any, seen: Seen, codes: list[str], stop: threading.Event) -> None:
    """Redeem a code, refresh three times, and so on, until the process is gone; then say nothing more."""
    with wardgate.client() as http:
        mine = type(person)(person.callback, http)
        while codes and not stop.is_set():
            with seen.lock:
                code = codes.pop()
                seen.codes[code] = None
            found = _answer(seen, lambda code=code: mine.redeem(wardgate, code))
            if found is None:
                return
            chain = Chain([found])
            with seen.lock:
                seen.codes[code] = chain
                seen.chains.append(chain)
            for _ in range(3):
                found = _answer(seen, lambda token=chain.answers[-1]["refresh_token"]: mine.refresh(wardgate, token))
                if found is None:
                    chain.unanswered = True
                    return
                chain.answers.append(found)


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, Seen]]:
    """A Wardgate that was killed again and again in the middle of that, running again, and what was seen."""
    dice, seen = random.Random(SEED), Seen()  # noqa: S311 - moments of death, not secrets
    with system.running(tmp_path_factory.mktemp("killed"), environ=system.MANY_TOKENS) as one, signing_in.Person.at(one) as person:
        for _ in range(KILLS):
            codes = [person.code(one) for _ in range(CODES)]
            stop = threading.Event()
            workers = [threading.Thread(target=_work, args=(one, person, seen, codes, stop)) for _ in range(WORKERS)]
            for worker in workers:
                worker.start()
            time.sleep(dice.uniform(0.02, 0.4))
            one.kill()
            for worker in workers:
                worker.join(60)
                assert not worker.is_alive()
            one.start()
            seen.codes |= dict.fromkeys(codes)  # those that nobody came to redeem
        yield one, person, seen


def _issued(wardgate: Any) -> list[str]:
    """Return the `jti` of every access token of a user in the record."""
    bodies = [json.loads(json.loads(line)["body"]) for line in wardgate.cli("audit", "export", "--format", "jsonl").out.splitlines()]
    return [body["details"]["jti"] for body in bodies if body["type"] == "TokenIssued"]


def test_something_was_answered_and_something_was_not(aftermath: tuple[Any, Any, Seen]) -> None:
    """The test would show nothing otherwise."""
    _, _, seen = aftermath
    steps = sum(len(chain.answers) for chain in seen.chains)
    left = sum(chain is None for chain in seen.codes.values())
    broken = sum(chain.unanswered for chain in seen.chains)
    print(f"\n{KILLS} kills: {steps} answers with tokens in {len(seen.chains)} sign-ins, {broken} refreshes and {left} codes without an answer")
    assert seen.refused == []
    assert steps >= 3 * KILLS
    assert left + broken >= KILLS


def test_every_token_that_was_answered_is_in_the_record_once(aftermath: tuple[Any, Any, Seen]) -> None:
    """No answer before its record is durable; no record twice; the chain of the record is whole."""
    wardgate, _, seen = aftermath
    recorded = _issued(wardgate)
    assert len(recorded) == len(set(recorded))
    answered = [signing_in.claims(answer["access_token"])["jti"] for chain in seen.chains for answer in chain.answers]
    assert len(answered) == len(set(answered))
    assert set(answered) <= set(recorded)
    assert wardgate.done("audit", "verify")["intact"]


def test_a_code_that_was_redeemed_is_used(aftermath: tuple[Any, Any, Seen]) -> None:
    """One whose redemption was answered gives nothing more. One whose redemption was not is either whole or used: if used, that is recorded."""
    wardgate, person, seen = aftermath
    before, unclear, again = len(_issued(wardgate)), [code for code, chain in seen.codes.items() if chain is None], 0
    for code in (code for code, chain in seen.codes.items() if chain is not None):
        assert signing_in.refused(person.redeem(wardgate, code)) == (400, "authorization_code is invalid")
    for code in unclear:
        answer = person.redeem(wardgate, code)
        assert answer.status_code in {200, 400}
        again += answer.status_code == 200
        assert signing_in.refused(person.redeem(wardgate, code)) == (400, "authorization_code is invalid")
    assert len(_issued(wardgate)) == before + again
    steps = sum(len(chain.answers) for chain in seen.chains)
    lost = before - steps  # recorded, and never heard of: the answer died on its way
    assert 0 <= lost <= len(unclear) - again + sum(chain.unanswered for chain in seen.chains)


def test_the_last_refresh_token_of_every_sign_in_serves(aftermath: tuple[Any, Any, Seen]) -> None:
    """Unless a refresh that was never answered used it; those before it are used, whatever was killed."""
    wardgate, person, seen = aftermath
    for chain in seen.chains:
        answer = person.refresh(wardgate, chain.answers[-1]["refresh_token"])
        if chain.unanswered:
            assert answer.status_code == 200 or signing_in.refused(answer) == (401, "refresh_token is invalid")
        else:
            assert answer.json()["refresh_count"] == str(len(chain.answers))
        for used in chain.answers[:-1]:
            assert signing_in.refused(person.refresh(wardgate, used["refresh_token"])) == (401, "refresh_token is invalid")
