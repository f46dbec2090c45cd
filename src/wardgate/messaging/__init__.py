"""The mailbox server: `/messageexchange`, for clients of the national service unchanged (itk3-messaging 5).

Owns: the routes, who asks, the order of checks, bodies on their way in and out, and what is recorded of it.
Leaves: the words (`mesh`), keeping (`stores`), who may send what (`workflows`), expiry and sweeping (`server`).
Read: settings, recent, transfers, server, wire, call, authenticate, record, refuse, app, then one file per endpoint: handshake, ping, send,
send_chunk, tracking, inbox, count, read_message, acknowledge, lookup, test_mode; and what they share: receiving, incoming,
recipient, whole_checksum, outgoing.
"""

from wardgate.messaging.app import MessagingApp
from wardgate.messaging.server import MailboxServer
from wardgate.messaging.settings import MeshSettings

__all__ = ["MailboxServer", "MeshSettings", "MessagingApp"]
