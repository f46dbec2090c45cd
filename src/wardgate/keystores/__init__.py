"""Keys: the one that seals data at rest, and those that sign.

Owns: sealing (AES-256-GCM) and where its key comes from; signing keys as loaded objects, and when they change;
the secrets that sign-in is proved with; the private keys of messages, here and in hardware modules.
Leaves: storing what was sealed (`stores`), what is signed (`authserver`, `audit`).
Read: errors, sealing, secret_file, store_key, ports, es256, rsa, schedule, database, client_secrets; of messages private_keys, hardware_uri, pkcs11,
hardware_keys, hardware_requests, message_keys.
"""

from wardgate.keystores.database import DatabaseKeys
from wardgate.keystores.sealing import Sealer
from wardgate.keystores.store_key import load_store_keys

__all__ = ["DatabaseKeys", "Sealer", "load_store_keys"]
