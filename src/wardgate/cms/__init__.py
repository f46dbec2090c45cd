"""CMS: signed and enveloped data (RFC 5652, 5083, 5084), and time-stamps (RFC 3161)."""
