"""How message keys stand: whose messages are refused because a list or a certificate has ended, and whose will be soon."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from wardgate.sealing.keys import State, Trust, Use
from wardgate.workflows.key_directory import PublishedKeys

SOON: Final = timedelta(days=30)
"""Before the end of a certificate."""
LEFT: Final = 4
"""A list is late when less than this part of its life is left."""
NAMED: Final = 3


def key_health(directory: PublishedKeys, failing: Mapping[str, str], now: datetime) -> tuple[str, str]:
    """Return `pass`, `warn` or `fail`, and why in a line. `failing` are organisations whose lists cannot be fetched, with the reason."""
    found = sorted(_all(directory, now))
    over = {ods: why for ods, is_over, why in found if is_over}
    soon = {ods: why for ods, _, why in found if ods not in over}
    soon |= {ods: f"its lists cannot be fetched: {why}" for ods, why in sorted(failing.items()) if ods not in over}
    if over:
        return "fail", f"messages are refused: {_named(over)}"
    if soon:
        return "warn", _named(soon)
    return "pass", f"{sum(key.state is State.PUBLISHED for key in directory.keys.values())} published"


def _all(directory: PublishedKeys, now: datetime) -> Iterator[tuple[str, bool, str]]:
    """Yield the organisation, whether something is over, and what is, or soon will be."""
    for ods, trust in directory.trusts.items():
        for is_over, why in _lists(trust, now):
            yield ods, is_over, why
    yield from _certificates(directory, now)


def _lists(trust: Trust, now: datetime) -> Iterator[tuple[bool, str]]:
    """Yield what is wrong with the lists of authorities. One that is missing is as bad as one that ended."""
    held = {found.issuer: found for found in trust.revocations}
    for authority in trust.anchors:
        found = held.get(authority.subject)
        name = authority.subject.rfc4514_string()
        if found is None:
            yield True, f"there is no revocation list of {name}"
            continue
        until = found.next_update_utc
        if until is not None and until <= now:
            yield True, f"the revocation list of {name} has ended"
        elif until is not None and until - now < (until - found.last_update_utc) / LEFT:
            yield False, f"the revocation list of {name} ends at {until:%Y-%m-%d %H:%M}"


def _certificates(directory: PublishedKeys, now: datetime) -> Iterator[tuple[str, bool, str]]:
    """Yield whose newest certificate of a use has ended, or will: of a use, the one that ends last counts."""
    last: dict[tuple[str, Use], tuple[datetime, str]] = {}
    for key in directory.keys.values():
        if key.state is State.PUBLISHED:
            found = (key.certificate.not_valid_after_utc, key.kid)
            last[key.organisation, key.use] = max(found, last.get((key.organisation, key.use), found))
    for (ods, use), (until, kid) in last.items():
        if until <= now:
            yield ods, True, f"the certificate of its key {kid} for {use.value} has ended"
        elif until - now < SOON:
            yield ods, False, f"the certificate of its key {kid} for {use.value} ends at {until:%Y-%m-%d}: wardgate message keys rotate"


def _named(found: Mapping[str, str]) -> str:
    named = [f"{ods}: {why}" for ods, why in found.items()][:NAMED]
    return "; ".join(named) + (f"; and {len(found) - NAMED} more" if len(found) > NAMED else "")
