"""Envoy resources, one module each: plain functions from a snapshot to the JSON form of Envoy's protobuf messages.

Where each thing lives decides whether an open connection sees a change:
listeners hold sockets, the order of filters and error mappers, never policy; routes hold per-route rules; extension
configs (ECDS) hold every map; secrets hold certificates and trust. Every ECDS filter starts as a named deny.
Read: envoy (types and names), bootstrap, discovery, clusters, secrets, door, listeners, tls_suites, smartcard, relay, relay_errors, routes, route_parts, route_rules, messaging, credentials, standing, systems,
system_routes, system_rules, limits, decision, asked_form, error_mappers, log_format.
"""
