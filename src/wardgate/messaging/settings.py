"""What the mailbox server is set to. Read once, frozen; the defaults are safe for production."""

from dataclasses import dataclass

MIB = 1_048_576


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """Limits, and what a tester or an operator may relax. Raises `ValueError` for limits that nothing fits into."""

    bind_certificate: bool = True
    """Whether the client certificate must be one that may speak for the mailbox (itk3-messaging 5.1)."""
    serve_acknowledged: bool = False
    """Whether an acknowledged message can be downloaded again; otherwise 410 (5.2)."""
    verify_checksum: bool = True
    """Whether a checksum of the form `SHA256` and 64 hex digits is compared with the content (5.6)."""
    consume_token_on_5xx: bool = False
    """Whether a token is used up by an answer of 425, 429, 502, 503 or 504 too, after which clients send the same again (9.3)."""
    enforce_workflows: bool = True
    """Whether a workflow must list sender and recipient. Otherwise any mailbox may send anything to any: for tests."""
    test_routes: bool = False
    """Whether mailboxes can be emptied and reports made by `/admin/…` (5.6). Never where the environment is live."""
    max_request_bytes: int = 100 * MIB
    max_message_bytes: int = 100 * 1024 * MIB
    max_chunks: int = 100_000
    inline_bytes: int = 65_536
    """Bodies of no more than this go with their row: they are written and read without a thread."""
    compress_bytes: int = MIB
    """Plain chunks of no more than this are gzipped for callers who accept it; larger ones leave as they are."""
    max_inflated_bytes: int = 2_048 * MIB
    """Of one chunk, for callers who do not accept gzip."""
    max_inflate_ratio: int = 250
    idle_seconds: float = 60.0
    """How long nothing may come of a body, or be taken of an answer."""
    least_bytes_per_second: int = 1_024
    """Below which a body is given up, after `idle_seconds`, on its way in and out."""
    max_transfers: int = 64
    """Larger bodies under way at once in each direction; one more is told to try again."""
    max_mailbox_transfers: int = 16
    """Of those, how many of one mailbox."""
    expiry_days: int = 5
    """After which a message counts as not collected (5.4)."""

    def __post_init__(self) -> None:
        least = (
            self.max_request_bytes, self.max_message_bytes, self.max_chunks, self.compress_bytes, self.max_inflated_bytes, self.max_inflate_ratio,
            self.least_bytes_per_second, self.max_transfers, self.max_mailbox_transfers, self.expiry_days,
        )
        if min(least) < 1 or self.idle_seconds <= 0 or self.inline_bytes < 0:
            raise ValueError("expected limits above 0; received others")
