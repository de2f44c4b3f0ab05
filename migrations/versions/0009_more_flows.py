"""Devices, registration, proofs, personal access tokens, and what was last done with a grant."""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NEW = {"flows", "homepage", "jwks", "bound", "registered"}
OWN = {"webhooks:manage", "usage:read"}


def upgrade() -> None:
    op.add_column("grants", sa.Column("key", sa.Text(), nullable=True))
    op.add_column("token_families", sa.Column("jkt", sa.String(), nullable=True))
    op.create_table(
        "grant_uses",
        sa.Column("grant_id", sa.String(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("did_at", sa.BigInteger(), nullable=True),
        sa.Column("did", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("fk_grant_uses_grant_id")),
        sa.PrimaryKeyConstraint("grant_id", name=op.f("pk_grant_uses")),
    )
    op.create_table(
        "device_authorizations",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("user_code", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("resource", sa.String(), nullable=True),
        sa.Column("interval", sa.BigInteger(), nullable=False),
        sa.Column("polled_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("grant_id", sa.String(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_device_authorizations_client_id")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_device_authorizations_grant_id")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_device_authorizations")),
        sa.UniqueConstraint("user_code", name=op.f("uq_device_authorizations_user_code")),
    )
    op.create_index("ix_device_authorizations_expires_at", "device_authorizations", ["expires_at"])
    op.create_table(
        "initial_tokens",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("left", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_initial_tokens")),
    )
    op.create_table(
        "registration_tokens",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id"], name=op.f("fk_registration_tokens_client_id")
        ),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_registration_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_registration_tokens_digest")),
    )
    op.create_table(
        "proofs",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_proofs")),
    )
    op.create_index("ix_proofs_expires_at", "proofs", ["expires_at"])


def downgrade() -> None:
    op.drop_table("proofs")
    op.drop_table("registration_tokens")
    op.drop_table("initial_tokens")
    op.drop_table("device_authorizations")
    op.drop_table("grant_uses")
    op.drop_column("token_families", "jkt")
    # Nothing else tells what a personal access token opens from what a person gave an app.
    op.execute("UPDATE grants SET revoked = true WHERE key IS NOT NULL")
    op.drop_column("grants", "key")
    _forget_what_is_new()


def _forget_what_is_new() -> None:
    """The version before reads every member that is there, and starts with none that it lacks."""
    _rewrite("clients", "oauth", _older)
    for table in ("grants", "token_families"):
        _rewrite(table, "scopes", _shared)


def _rewrite(name: str, column: str, change: Callable[[Any], Any]) -> None:
    table = sa.table(name, sa.column("id", sa.String()), sa.column(column, sa.Text()))
    connection = op.get_bind()
    for key, text in connection.execute(sa.select(table)).all():
        changed = table.update().where(table.c.id == key)
        connection.execute(changed.values({column: json.dumps(change(json.loads(text)))}))


def _shared(scopes: list[str]) -> list[str]:
    return [one for one in scopes if one not in OWN]


def _older(client: dict[str, Any]) -> dict[str, Any]:
    known = {name: value for name, value in client.items() if name not in NEW}
    if "scopes" in known:
        known["scopes"] = _shared(known["scopes"])
    if known.get("auth") == "private_key_jwt":
        known["auth"] = "client_secret_basic"
    return known
