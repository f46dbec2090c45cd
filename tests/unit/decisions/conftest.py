"""The rule book's world, for answers about users."""

from unit.security_patterns.conftest import book

__all__ = ["book"]
