"""Settings: read once from `LATCHKEY_…` variables at the composition root, then passed down.

One URL per dependency; its scheme picks the implementation. Every limit is here.
"""

import base64
import re
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

KEY_BYTES = 32
METRICS_TOKEN = re.compile(r"[!-~]{16,}")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Everything that an operator may choose. Frozen; durations in seconds unless named."""

    model_config = SettingsConfigDict(
        env_prefix="LATCHKEY_", frozen=True, hide_input_in_errors=True, extra="forbid"
    )

    database_url: Annotated[str, Field(repr=False)] = "sqlite+aiosqlite:///latchkey.db"
    broadcast_url: Annotated[str, Field(repr=False)] = "memory://"
    devices_url: str = ""
    public_url: str = "http://127.0.0.1:8000"
    proxies: str = ""
    metrics_token: Annotated[str, Field(repr=False)] = ""
    secret_keys: Annotated[tuple[bytes, ...], NoDecode, Field(repr=False)] = ()
    access_token_seconds: Annotated[int, Field(ge=1, le=86_400)] = 900
    session_seconds: Annotated[int, Field(ge=60, le=7_776_000)] = 1_209_600
    session_idle_seconds: Annotated[int, Field(ge=60, le=7_776_000)] = 86_400
    init_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 10
    notice_seconds: Annotated[float, Field(ge=0, le=300)] = 0

    body_bytes: Annotated[int, Field(ge=1_000)] = 256_000
    document_tokens: Annotated[int, Field(ge=100)] = 4_000
    document_depth: Annotated[int, Field(ge=5)] = 12
    document_aliases: Annotated[int, Field(ge=1)] = 50
    document_nodes: Annotated[int, Field(ge=100)] = 10_000
    document_cost: Annotated[int, Field(ge=100)] = 20_000
    client_documents: Annotated[int, Field(ge=0)] = 1_000
    socket_operations: Annotated[int, Field(ge=1)] = 50
    socket_message_bytes: Annotated[int, Field(ge=1_000)] = 256_000
    socket_messages: Annotated[int, Field(ge=1)] = 200
    socket_bytes: Annotated[int, Field(ge=1_000)] = 1_000_000
    heartbeat_seconds: Annotated[float, Field(ge=0.1, le=300)] = 25
    answer_bytes: Annotated[int, Field(ge=0)] = 32_000_000
    rendering_bytes: Annotated[int, Field(ge=0)] = 8_000_000
    snapshot_devices: Annotated[int, Field(ge=0)] = 100_000
    retention_hours: Annotated[int, Field(ge=1, le=87_600)] = 72
    retention_events: Annotated[int, Field(ge=10_000)] = 1_000_000
    request_seconds: Annotated[float, Field(gt=0)] = 30
    webhook_allow: str = ""
    webhook_schedule: str = "5,300,1800,7200,18000,36000,36000"
    delivery_hours: Annotated[int, Field(ge=1, le=87_600)] = 720
    webhook_timeout_seconds: Annotated[float, Field(ge=1, le=60)] = 15
    engine: Literal["auto", "compiled", "reference"] = "auto"

    @property
    def loopback(self) -> bool:
        """Whether the public URL is one of this machine alone."""
        return urlsplit(self.public_url).hostname in LOOPBACK

    @field_validator("secret_keys", mode="before")
    @classmethod
    def _decode_keys(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return tuple(base64.b64decode(part, validate=True) for part in value.split(",") if part)
        except ValueError as error:
            raise ValueError(_KEYS) from error

    @field_validator("secret_keys")
    @classmethod
    def _whole_keys(cls, keys: tuple[bytes, ...]) -> tuple[bytes, ...]:
        if any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(_KEYS)
        return keys

    @field_validator("metrics_token")
    @classmethod
    def _unguessed_token(cls, value: str) -> str:
        if value and not METRICS_TOKEN.fullmatch(value):
            raise ValueError(_METRICS)
        return value

    @field_validator("proxies", "webhook_allow")
    @classmethod
    def _networks(cls, value: str) -> str:
        """Addresses and networks, comma separated, that IPv4 or IPv6 have."""
        for part in filter(None, value.split(",")):
            ip_network(part.strip(), strict=False)
        return value

    @field_validator("public_url")
    @classmethod
    def _bare_url(cls, value: str) -> str:
        """Without a slash at its end: the paths of tokens and links are put after it."""
        if not _reachable(value):
            raise ValueError(_PUBLIC)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _known_schemes(self) -> Self:
        for name, known in _SCHEMES.items():
            url = getattr(self, name)
            if not url.startswith(known) and (url or name not in _OPTIONAL):
                choices = " or ".join(known)
                sentence = f"LATCHKEY_{name.upper()} must start with {choices}."
                raise ValueError(sentence)
        return self


_KEYS = (
    "LATCHKEY_SECRET_KEYS must be one or more keys of 32 random bytes in base64, comma separated; "
    "the first seals, all open. Make one with: openssl rand -base64 32"
)
_METRICS = (
    "LATCHKEY_METRICS_TOKEN must be 16 or more printable characters without spaces. "
    "Make one with: openssl rand -hex 32"
)
_PUBLIC = (
    "LATCHKEY_PUBLIC_URL must start with http:// or https:// and name a host, without a query, "
    "such as https://api.example.com."
)
_OPTIONAL = frozenset({"devices_url"})
_SCHEMES = {
    "database_url": ("sqlite+aiosqlite://", "postgresql+asyncpg://"),
    "broadcast_url": (
        "memory://",
        "redis://",
        "rediss://",
        "redis+cluster://",
        "rediss+cluster://",
        "postgresql://",
        "postgresql+asyncpg://",
    ),
    "devices_url": ("simulator://",),
}


def _reachable(url: str) -> bool:
    """Whether partners can reach us by this URL, as far as it can be told from its text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    clean = url.startswith(("http://", "https://")) and port != 0
    return clean and bool(parts.hostname) and not (parts.query or parts.fragment)
