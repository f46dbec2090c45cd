"""What the directory's FHIR API is set to. Read once, frozen; the defaults are safe for production."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SDSSettings:
    """Limits, addresses and how long answers may be kept. Raises `ValueError` for limits that nothing fits into."""

    base_path: str = "/spine-directory/FHIR/R4"
    cache_seconds: int = 1_800
    """How long a caller may keep an answer (spine 7.4); 0: not at all."""
    look_up_timeout_seconds: float = 5.0
    max_resources: int = 1_000
    """Of one answer, which is never in pages: there is no parameter for them."""
    max_query_bytes: int = 4_096
    max_parameters: int = 20

    def __post_init__(self) -> None:
        if self.cache_seconds < 0 or self.look_up_timeout_seconds <= 0 or min(self.max_resources, self.max_query_bytes, self.max_parameters) < 1:
            raise ValueError("expected limits above 0 and cache_seconds of 0 or more; received others")
        if not self.base_path.startswith("/") or self.base_path.endswith("/"):
            raise ValueError("expected base_path with a slash at its beginning only; received another")
