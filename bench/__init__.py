"""Measurements with targets. Each file measures one promise, beside what else could have been used, in the same run.

`python -m bench` runs everything and prints one summary; `python -m bench.gateway` and the like run one file.
All load is on loopback, bounded in count and time, and everything started is stopped.
Read: machine (cores, CPU time, load), world (a snapshot to serve), plane (Envoy around it), then one file per promise:
gateway, scale, systems (in systems_world), directory, tokens, rotation, start, mailboxes (with mailbox_server and store_server), seals, streams, transfers; peers/ holds what they are compared with.
"""
