"""The system directory over LDAP: read-only, for anyone who may reach the port (spine 7.1, 7.2, 7.4; RFC 4511).

Owns: messages on the wire, the tree and its schema, searches in it, pages, connections and their limits.
Leaves: BER itself (`pyasn1`); what is in the directory and how a filter matches (`directory`); who may connect, which TLS says.
Read: settings, errors, results, asn1, requests, filters, answers, names, schema, tree, search, paging, connection, server.
"""

from wardgate.ldap.server import LDAPServer
from wardgate.ldap.settings import LDAPSettings
from wardgate.ldap.tree import Content

__all__ = ["Content", "LDAPServer", "LDAPSettings"]
