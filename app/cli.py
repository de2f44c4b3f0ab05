"""The command line: thin doors to the same house, on the database of the settings."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

import migrations
from app import serving
from app.auditing import audit
from app.clients import clients
from app.compose import House
from app.documents import documents
from app.door import Json, known_client, opened, refuse_unsafe, say
from app.environment import read_settings
from app.forward import listen
from app.homes import homes
from app.serving import MOST_WORKERS
from app.sharing import granted, own, targets
from app.users import users
from core import observe
from core.domain.audit import OPERATOR, Detail, Kind, Outcome
from core.domain.errors import Invalid, LatchkeyError
from core.domain.grants import Grant, Scope
from core.settings import LOOPBACK

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
tokens = typer.Typer(no_args_is_help=True, help="Access tokens.")
keys = typer.Typer(no_args_is_help=True, help="Signing keys.")
for group, name in ((tokens, "token"), (keys, "keys"), (users, "user")):
    cli.add_typer(group, name=name)
for group, name in ((clients, "client"), (documents, "document"), (homes, "home")):
    cli.add_typer(group, name=name)
cli.add_typer(audit, name="audit")
cli.command()(listen)


def main() -> None:
    """Run the command; an expected error is one sentence on stderr and exit code 1."""
    try:
        cli()
    except (LatchkeyError, ValidationError) as error:
        sys.exit(_sentence(error))
    except KeyboardInterrupt:
        sys.exit(130)


@cli.command()
def demo(
    *,
    port: Annotated[int, typer.Option(help="Where to listen, on 127.0.0.1.")] = 8000,
    json_line: Json = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what earlier demos did.")] = False,
    scenario: Annotated[
        Path | None, typer.Option(help="A YAML file of what is to happen, and when.")
    ] = None,
) -> None:
    """Serve simulated homes from this machine, with a token ready to use."""
    from app import demo as door  # noqa: PLC0415 - a server's imports, which other commands spare

    observe.configure(pretty=sys.stderr.isatty())
    work = door.run(Path(".latchkey"), port, as_json=json_line, fresh=fresh, scenario=scenario)
    serving.forever(work)


@cli.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=MOST_WORKERS, help="How many processes serve.")
    ] = 1,
    listener: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve the API on the database of the settings."""
    observe.configure(pretty=sys.stderr.isatty())
    settings = read_settings()
    refuse_unsafe(settings)
    if host not in LOOPBACK and settings.public_url.startswith("http://"):
        sentence = (
            "Set LATCHKEY_PUBLIC_URL to the https:// URL of clients: others than this machine "
            f"reach {host}, and tokens must not travel in clear."
        )
        raise Invalid(sentence)
    if listener is not None:
        serving.as_worker(settings, listener)
    elif workers > 1:
        serving.as_parent(settings, host, port, workers)
    else:
        serving.alone(settings, host, port)


@cli.command()
def worker(
    host: Annotated[str, typer.Option(help="Where probes and scrapers ask.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port for them.")] = 8001,
) -> None:
    """Send webhooks, on the database of the settings; start as many as you need."""
    from app import working  # noqa: PLC0415 - a server's imports, which other commands spare

    observe.configure(pretty=sys.stderr.isatty())
    settings = read_settings()
    refuse_unsafe(settings)
    serving.forever(working.alone(settings, host, port))


@cli.command()
def migrate() -> None:
    """Bring the database to the shape of this version."""
    asyncio.run(migrations.on(read_settings().database_url, migrations.upgrade))


@cli.command()
def schema() -> None:
    """Print the graph in the schema definition language, as schema.graphql holds it."""
    from schema import sdl  # noqa: PLC0415

    typer.echo(sdl(), nl=False)


@tokens.command("create")
def create_token(
    *,
    client: Annotated[str, typer.Option(help="The id of the client that will hold it.")],
    user: Annotated[
        str | None, typer.Option(help="The name of the user who gives access; none: for itself.")
    ] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="All, where none is named.")] = None,
    home: Annotated[list[str] | None, typer.Option(help="Homes to share, by id.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Devices to share, by id.")] = None,
    audience: Annotated[str | None, typer.Option(help="Another API's audience.")] = None,
    expires_in: Annotated[int | None, typer.Option(help="Seconds; negative: expired.")] = None,
    json_line: Json = False,
) -> None:
    """Issue an access token, and give (or reuse) the grant behind it.

    Where no home and no device is named, every home is shared that the user may share. Without a
    user it is a token of the client for itself.
    """

    async def work(house: House) -> tuple[str, Grant]:
        app = known_client(house, client)
        if user is None:
            grant = own(house, app, scope or [], home or device)
        else:
            person = house.access.named_user(user)
            shares = await targets(house, person, home or [], device or [])
            grant = await granted(house, person, app, frozenset(scope or Scope), shares)
        seconds = house.settings.access_token_seconds if expires_in is None else expires_in
        issued = house.tokens.issue(grant, grant.scopes, seconds, audience)
        about: Detail = {"client_id": grant.client_id, "scopes": grant.scopes}
        if not grant.of_client:
            about |= {"user_id": grant.user_id, "grant_id": grant.id}
        house.services.audit.note(Kind.TOKEN_ISSUE, Outcome.ALLOWED, actor=OPERATOR, **about)
        return issued, grant

    token, grant = opened(work)
    if json_line:
        grant_id = None if grant.of_client else grant.id
        say({"access_token": token, "grant_id": grant_id}, as_json=json_line)
    else:
        typer.echo(token)


@keys.command("rotate")
def rotate_keys(*, json_line: Json = False) -> None:
    """Make a new signing key; the old ones verify until their last token is over."""
    key = opened(lambda house: house.services.accounts.rotate_keys(by=OPERATOR))
    say({"key_id": key.id}, as_json=json_line)


def _sentence(error: LatchkeyError | ValidationError) -> str:
    if isinstance(error, ValidationError):
        return f"latchkey: {'; '.join(map(_problem, error.errors()))}"
    return f"latchkey: {error}"


def _problem(detail: ErrorDetails) -> str:
    """What is wrong with one setting; our own sentences name it already."""
    message = detail["msg"].removeprefix("Value error, ")
    if message.startswith("LATCHKEY_") or not detail["loc"]:
        return message
    return f"LATCHKEY_{str(detail['loc'][0]).upper()}: {message}"
