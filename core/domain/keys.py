"""Signing keys as they are stored: the public JWK in clear, the private one sealed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A token signing key. `retired_at` is when a newer one took over; None for the newest."""

    id: str
    public: dict[str, Any]
    sealed: str
    created_at: datetime
    retired_at: datetime | None = None
