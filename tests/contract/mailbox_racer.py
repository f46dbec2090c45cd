"""A process that does steps of mailboxes when it is told to: `python mailbox_racer.py URL NAME`. It answers each round in a line."""

import sys

from contract.conftest import STORE_KEY
from contract.mailbox_cast import acknowledge, post_chunk
from wardgate.keystores import Sealer
from wardgate.stores import open_stores


def main() -> None:
    """Race in each message that a line names, until there are no more lines."""
    url, name = sys.argv[1:]
    stores = open_stores(url, Sealer([STORE_KEY]), migrate=False)
    print("ready", flush=True)
    for line in sys.stdin:
        message = line.strip()
        steps = [post_chunk(message, 2), post_chunk(message, 3, body=name.encode()), acknowledge(message)]
        print(*(stores.mailboxes.step([step])[0] for step in steps), flush=True)
    stores.close()


if __name__ == "__main__":
    main()
