"""The schema's history. `upgrade` brings a database to this version, `downgrade` back.

Two processes that start at once do not both migrate: the second waits for the lock and finds nothing left to do.
Each revision is one transaction: a process killed in the middle leaves the schema as it was.
"""

from wardgate.stores.migrations.run import check, downgrade, head, upgrade

__all__ = ["check", "downgrade", "head", "upgrade"]
