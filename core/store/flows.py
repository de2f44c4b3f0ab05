"""The tables of the authorization server's flows: what is asked, given out, and shown once."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, String, Table

from core.store.metadata import metadata
from core.store.types import Instant, Json

client_secrets = Table(
    "client_secrets",
    metadata,
    Column("digest", String, primary_key=True),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("created_at", Instant, nullable=False),
    # Set once a newer secret has taken its place.
    Column("expires_at", Instant),
    Index("ix_client_secrets_client_id", "client_id"),
)

authorization_requests = Table(
    "authorization_requests",
    metadata,
    Column("digest", String, primary_key=True),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("body", Json, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_authorization_requests_expires_at", "expires_at"),
)

authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("digest", String, primary_key=True),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("grant_id", ForeignKey("grants.id"), nullable=False),
    Column("body", Json, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Index("ix_authorization_codes_expires_at", "expires_at"),
)

device_authorizations = Table(
    "device_authorizations",
    metadata,
    # Digests of the code that the device has, and of the one that its user types.
    Column("digest", String, primary_key=True),
    Column("user_code", String, nullable=False, unique=True),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("resource", String),
    Column("interval", BigInteger, nullable=False),
    Column("polled_at", Instant),
    # The scopes that were allowed, none for a no; null while nobody has answered.
    Column("answer", Json),
    Column("grant_id", ForeignKey("grants.id")),
    Column("expires_at", Instant, nullable=False),
    Index("ix_device_authorizations_expires_at", "expires_at"),
)

initial_tokens = Table(
    "initial_tokens",
    metadata,
    # With one of these a client may register itself, so many times (RFC 7591 §3).
    Column("digest", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("left", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

registration_tokens = Table(
    "registration_tokens",
    metadata,
    # With its own a registered client looks after its registration (RFC 7592 §3).
    Column("client_id", ForeignKey("clients.id"), primary_key=True),
    Column("digest", String, nullable=False, unique=True),
)

proofs = Table(
    "proofs",
    metadata,
    # Digests of what may be shown once: proofs of DPoP, assertions of clients.
    Column("digest", String, primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Index("ix_proofs_expires_at", "expires_at"),
)

token_families = Table(
    "token_families",
    metadata,
    Column("id", String, primary_key=True),
    # Every refresh token of the family begins with it, and nothing else does.
    Column("handle", String, nullable=False, unique=True),
    Column("code_digest", String, nullable=False, unique=True),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("grant_id", ForeignKey("grants.id"), nullable=False),
    Column("scopes", Json, nullable=False),
    # Digests of the refresh token that is good now and of the one before, and, sealed, the token
    # that was given for that one: a client that lost the answer is given the same again.
    Column("current", String, nullable=False),
    Column("previous", String),
    Column("successor", String),
    Column("rotated_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked", Boolean, nullable=False),
    # The thumbprint of the key that its refresh tokens are bound to.
    Column("jkt", String),
    Index("ix_token_families_expires_at", "expires_at"),
)
