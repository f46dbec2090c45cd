"""Quotas: how much an application may ask of an API, and an API of everyone.

Owns: the four counters of application-restricted 9 as policy, which of them hold for a pair of application and API, and how
long somebody waits who failed to sign in.
Leaves: counting (Envoy's token buckets; `stores.quotas` for windows longer than a minute; `stores.tries`).
Read: model, effective, failed_tries.
"""

from wardgate.quotas.model import Quota, RateLimits, SpikeArrest, TimeUnit

__all__ = ["Quota", "RateLimits", "SpikeArrest", "TimeUnit"]
