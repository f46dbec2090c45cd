"""The stores on SQL: SQLite and PostgreSQL.

Owns: tables, connections and transactions, one module per port, and the few statements that are written per database.
Leaves: choosing a database (`stores.open`), changing the schema (`stores.migrations`).
Read: columns, schema, engine, transaction, hot, then one module per port; of mailboxes mailboxes_schema, mailboxes_rows, mailboxes_hot,
mailboxes_steps, mailboxes_inbox, mailboxes.
"""
