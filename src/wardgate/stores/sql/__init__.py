"""The stores on SQL: SQLite and PostgreSQL.

Owns: tables, connections and transactions, one module per port, and the few statements that are written per database.
Leaves: choosing a database (`stores.open`), changing the schema (`stores.migrations`).
Read: columns, schema, engine, transaction, hot, then one module per port.
"""
