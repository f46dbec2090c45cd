"""The decision service: what Envoy cannot judge by itself, it asks here (ext_authz over HTTP, private socket).

Owns: reading the facts of a request from Envoy's question, answering with headers or with the whole refusal, recording
the decision before the answer where a route asks for it, and the bodies of explained 429 answers.
Leaves: the rules (`security_patterns.decide`).
Read: question, answer, record, limits, service, protocol.
"""
