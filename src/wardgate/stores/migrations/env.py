"""Alembic's entry: runs inside the transaction that `migrations.run` opened."""

from alembic import context

from wardgate.stores.sql.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()
