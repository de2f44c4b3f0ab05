"""The command line's way to clients: made, given secrets, disabled, restricted."""

from typing import Annotated

import typer

from app.compose import House
from app.door import Json, opened, say
from core.domain.accounts import Client, ClientAuth
from core.domain.audit import OPERATOR
from core.domain.grants import Scope

clients = typer.Typer(no_args_is_help=True, help="Partners' apps.")


@clients.command("create")
def create_client(
    name: str,
    *,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Where people are sent back to, letter for letter.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="It runs where it can keep no secret.")
    ] = False,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may ask for; all, where none is named.")
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="It may be given simulated homes alone.")
    ] = False,
    registered_only: Annotated[
        bool, typer.Option("--registered-only", help="It runs registered documents alone.")
    ] = False,
    json_line: Json = False,
) -> None:
    """Create a client; its secret is shown this once."""

    async def work(house: House) -> tuple[Client, str | None]:
        client = await house.services.accounts.create_client(
            name,
            registered_only=registered_only,
            redirect_uris=redirect_uri or [],
            scopes=scope or list(Scope),
            sandbox=sandbox,
            auth=ClientAuth.NONE if public else ClientAuth.BASIC,
            by=OPERATOR,
        )
        if public:
            return client, None
        return client, await house.services.client_secrets.rotate(client.id, by=OPERATOR)

    client, secret = opened(work)
    fields: dict[str, object] = {
        "client_id": client.id,
        "client_secret": secret,
        "name": client.name,
        "redirect_uris": list(client.redirect_uris),
        "scopes": sorted(client.scopes),
    }
    say(fields, as_json=json_line)


@clients.command("rotate-secret")
def rotate_secret(client_id: str, *, json_line: Json = False) -> None:
    """Make a new secret, shown this once; those before are good for a day yet."""
    secret = opened(lambda house: house.services.client_secrets.rotate(client_id, by=OPERATOR))
    say({"client_id": client_id, "client_secret": secret}, as_json=json_line)


@clients.command("disable")
def disable_client(client_id: str) -> None:
    """Refuse a client, whoever gave it access."""
    opened(lambda house: house.services.accounts.disable_client(client_id, by=OPERATOR))


@clients.command("restrict")
def restrict_client(client_id: str) -> None:
    """Have a client run its registered documents, and refuse it any other."""
    _restrict(client_id, registered_only=True)


@clients.command("unrestrict")
def unrestrict_client(client_id: str) -> None:
    """Have a client run any document again."""
    _restrict(client_id, registered_only=False)


def _restrict(client_id: str, *, registered_only: bool) -> None:
    opened(
        lambda house: house.services.accounts.restrict_client(
            client_id, registered_only=registered_only, by=OPERATOR
        )
    )
