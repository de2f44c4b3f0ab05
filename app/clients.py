"""The command line's way to clients: made, invited, shown, verified, given secrets, disabled."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from app.compose import House
from app.door import Json, known_client, opened, say
from core.domain import logos
from core.domain.accounts import Client, ClientAuth, Flow
from core.domain.audit import OPERATOR
from core.domain.clients import LONGEST_INVITE, MOST_USES, InitialToken, checked_flows
from core.domain.errors import Invalid
from core.domain.grants import Scope
from core.tokens import public_keys

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
    jwks: Annotated[
        Path | None, typer.Option(help="A JWK Set of the keys that it has instead of a secret.")
    ] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may ask for; all, where none is named.")
    ] = None,
    flow: Annotated[
        list[Flow] | None,
        typer.Option(help="How it gets tokens; each way that it can, where none is named."),
    ] = None,
    homepage: Annotated[str | None, typer.Option(help="Its https:// URL, for people.")] = None,
    logo: Annotated[Path | None, typer.Option(help="A small PNG, JPEG or WebP.")] = None,
    dpop: Annotated[
        bool, typer.Option("--dpop", help="Its tokens are bound to a key of its own (RFC 9449).")
    ] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="It may be given simulated homes alone.")
    ] = False,
    registered_only: Annotated[
        bool, typer.Option("--registered-only", help="It runs registered documents alone.")
    ] = False,
    json_line: Json = False,
) -> None:
    """Create a client; its secret, if it has one, is shown this once."""
    auth = _auth(public=public, keyed=jwks is not None)
    keys = _read(jwks, public_keys.LONGEST_SET).decode(errors="replace") if jwks else None
    picture = logos.logo_of(_read(logo, logos.MOST_BYTES)) if logo else None

    async def work(house: House) -> tuple[Client, str | None]:
        client = await house.services.accounts.create_client(
            name,
            registered_only=registered_only,
            redirect_uris=redirect_uri or [],
            scopes=scope or list(Scope),
            auth=auth,
            flows=flow and checked_flows(flow, auth, redirect_uri or ()),
            sandbox=sandbox,
            homepage=homepage,
            logo=picture,
            jwks=keys,
            bound=dpop,
            by=OPERATOR,
        )
        if not auth.secret:
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


@clients.command("invite")
def invite_client(
    name: Annotated[str, typer.Argument(help="Who is invited: a partner, for the record.")],
    *,
    uses: Annotated[
        int, typer.Option(min=1, max=MOST_USES, help="How many clients may come by it.")
    ] = 1,
    days: Annotated[
        int, typer.Option(min=1, max=LONGEST_INVITE.days, help="How long it lasts.")
    ] = 7,
    json_line: Json = False,
) -> None:
    """Make a token with which a partner's program registers clients; it is shown this once."""

    async def work(house: House) -> tuple[str, InitialToken]:
        lasts = timedelta(days=days)
        return await house.services.registrations.invite(name, uses, lasts, by=OPERATOR)

    token, made = opened(work)
    fields: dict[str, object] = {
        "initial_access_token": token,
        "name": made.name,
        "uses": made.left,
        "expires_at": made.expires_at.isoformat(),
    }
    say(fields, as_json=json_line)


@clients.command("list")
def list_clients(*, json_line: Json = False) -> None:
    """Show every client, the oldest first."""

    async def work(house: House) -> list[Client]:
        return sorted(house.access.clients.values(), key=lambda client: client.id)

    found = opened(work)
    if json_line:
        say({"clients": [_told(client) for client in found]}, as_json=True)
    else:
        for client in found:
            typer.echo(f"{client.id}  {client.name}  ({', '.join(_standing(client))})")


@clients.command("show")
def show_client(client_id: str, *, json_line: Json = False) -> None:
    """Show what is known of a client; its secrets are not."""

    async def work(house: House) -> Client:
        return known_client(house, client_id)

    say(_told(opened(work)), as_json=json_line)


@clients.command("verify")
def verify_client(
    client_id: str,
    *,
    off: Annotated[bool, typer.Option("--off", help="Nobody knows who is behind it.")] = False,
    json_line: Json = False,
) -> None:
    """Tell people that somebody looked who is behind a client; shows what was looked at."""
    client = opened(
        lambda house: house.services.accounts.verify_client(
            client_id, verified=not off, by=OPERATOR
        )
    )
    say(_told(client), as_json=json_line)


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


def _auth(*, public: bool, keyed: bool) -> ClientAuth:
    if public and keyed:
        sentence = "--public has nothing to prove itself with, --jwks has keys: give one of them."
        raise Invalid(sentence)
    if keyed:
        return ClientAuth.PRIVATE_KEY
    return ClientAuth.NONE if public else ClientAuth.BASIC


def _read(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as opened_file:
            content = opened_file.read(most + 1)
    except OSError as error:
        sentence = f"{file} cannot be read: {error.strerror}."
        raise Invalid(sentence) from error
    if len(content) > most:
        sentence = f"{file} is larger than {most} bytes."
        raise Invalid(sentence)
    return content


def _standing(client: Client) -> list[str]:
    """In words, what sets a client apart."""
    words = {
        "registered itself": client.registered,
        "sandbox": client.sandbox,
        "disabled": client.disabled,
    }
    verified = "verified" if client.verified else "not verified"
    return [verified, *(word for word, so in words.items() if so)]


def _told(client: Client) -> dict[str, object]:
    """All that is known of a client; of a logo, what it is."""
    return {
        "client_id": client.id,
        "name": client.name,
        "verified": client.verified,
        "registered": client.registered,
        "disabled": client.disabled,
        "homepage": client.homepage,
        "logo": client.logo and logos.described(client.logo),
        "redirect_uris": list(client.redirect_uris),
        "scopes": sorted(client.scopes),
        "flows": [flow.value for flow in Flow if flow in client.flows],
        "auth": client.auth.value,
        "jwks": json.loads(client.jwks) if client.jwks else None,
        "dpop": client.bound,
        "sandbox": client.sandbox,
        "registered_only": client.registered_only,
    }
