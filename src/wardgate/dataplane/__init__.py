"""The data plane: Envoy, the only proxy. Policy compiled into its native filters, handed over by REST xDS.

Owns: the compiler (snapshot to Envoy resources, pure), publishing, supervision of the Envoy child, its admin socket.
Leaves: what the rules are (`security_patterns`), reading Envoy's log (`telemetry`), keys and certificates (`ca`, `keystores`).
Read: errors, layout (what lives where), resources/ (one module per Envoy resource), compile, validate, xds, publish, process, admin.
"""
