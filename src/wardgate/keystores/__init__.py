"""Keys: the one that seals data at rest, and those that sign.

Owns: sealing (AES-256-GCM) and where its key comes from; signing keys as loaded objects, and when they change;
the secrets that sign-in is proved with.
Leaves: storing what was sealed (`stores`), what is signed (`authserver`, `audit`).
Read: errors, sealing, store_key, ports, es256, rsa, schedule, database, client_secrets.
"""

from wardgate.keystores.database import DatabaseKeys
from wardgate.keystores.sealing import Sealer
from wardgate.keystores.store_key import load_store_keys

__all__ = ["DatabaseKeys", "Sealer", "load_store_keys"]
