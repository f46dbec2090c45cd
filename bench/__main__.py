"""Run everything, then print every promise and whether it was kept. Ends with 1 when one was missed, 2 when something could not run."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping

from bench import (
    directory,
    gateway,
    mailboxes,
    rotation,
    scale,
    seals,
    start,
    streams,
    systems,
    tokens,
    transfers,
    user_tokens,
)
from bench.machine import Missing
from bench.report import Verdict, verdicts

MEASUREMENTS: Mapping[str, Callable[[], list[Verdict]]] = {
    "start": start.measure, "gateway": gateway.measure, "tokens": tokens.measure, "users": user_tokens.measure, "scale": scale.measure, "systems": systems.measure, "directory": directory.measure,
    "rotation": rotation.measure, "mailboxes": mailboxes.measure, "seals": seals.measure, "streams": streams.measure,
    "transfers": transfers.measure,
}


def main() -> int:
    """Measure what was asked for, or everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("which", nargs="*", metavar="NAME", help=f"what to measure (everything): {', '.join(MEASUREMENTS)}")
    asked = parser.parse_args().which or list(MEASUREMENTS)
    unknown = [name for name in asked if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"there is no measurement {unknown[0]}; there are {', '.join(MEASUREMENTS)}")
    found: list[Verdict] = []
    incomplete = False
    for name in asked:
        began = time.monotonic()
        print(f"== {name}", flush=True)
        try:
            found += MEASUREMENTS[name]()
        except (Missing, RuntimeError, TimeoutError) as error:
            print(f"not measured: {error}")
            incomplete = True
        print(f"({time.monotonic() - began:.0f} s)\n", flush=True)
    print("== promises")
    kept = verdicts(found)
    return 2 if incomplete else 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
