"""What the gateway and the token endpoint are compared with: other programs that do the same checks.

They are configured as their own documentation says is fast: keep-alive to the backend, buffered logs, verified tokens cached
where that is possible. Read: plain_envoy, haproxy, nginx, auth_service, oidc_provider.
"""
