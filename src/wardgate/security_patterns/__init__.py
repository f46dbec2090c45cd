"""The rule book: each published pattern as a pure function, and the decision about one request.

Owns: facts, snapshot, `decide`, one module per pattern, and the order in which they are asked.
Leaves: reading requests (`decisions`), the compiled form (`dataplane.compile`), which must agree with `decide`.
Read: facts, snapshot, system_call, decision, proof, build, decide, then api_key, bearer, access_token, token_kind, tls_ma, standing,
role, request_id; for calls between systems register, inquiry, interaction, asid, target, secure_proxy, translate.
"""
