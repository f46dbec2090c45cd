"""The server: one process that is the control plane, around a supervised Envoy.

Owns: settings, the one place that names concrete parts (`wiring`), the world in memory, the loop that keeps Envoy and the
world the same, and starting and stopping (`up`).
Leaves: everything else to the rooms it wires together.
Read: settings, errors, clock, directory, message_keys, world, former_keys, applying, whole_directory, sign_in, sign_ins, health, message_key_health, own_health, partner_lists, control, messaging, exchange, exchange_rounds, chores, ldap_ports, demo_samples, demo_practice, demo_post, published_secrets, wiring, installation, preparing,
listening, serving, up; reference writes the pages of documentation.
"""
