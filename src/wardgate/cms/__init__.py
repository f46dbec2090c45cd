"""CMS: signed and enveloped data (RFC 5652, 5083, 5084), and time-stamps (RFC 3161).

Owns: reading BER as a stream within limits, the algorithms that are spoken, signatures over contents of any length, encryption to
several recipients, and the structures of time-stamps.
Leaves: who is believed and what a seal says (`sealing`), where the octets come from and go to, private keys.
Read: errors, oids, reading, ber, attributes, algorithms, signer_info, signed_data, time_stamp,
recipient_info, enveloped_data, signed_content.
"""
