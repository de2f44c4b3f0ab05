"""The command line's way to registered documents."""

from pathlib import Path
from typing import Annotated

import typer

from app.compose import House
from app.door import Json, known_client, opened, say
from core.domain.documents import RegisteredDocument
from core.domain.errors import Invalid
from core.services.documents import Check

documents = typer.Typer(no_args_is_help=True, help="Registered documents.")

ClientId = Annotated[str, typer.Option("--client", help="The id of the client that has them.")]


@documents.command("register")
def register(
    file: Annotated[Path, typer.Argument(help="A file of GraphQL, in UTF-8.")],
    *,
    client: ClientId,
    json_line: Json = False,
) -> None:
    """Put a document on record for a client, which may then name it by its id."""
    text = _read(file)

    async def work(house: House) -> RegisteredDocument:
        return await house.services.documents.register(client, text, _check(house, file))

    say({"id": opened(work).id, "client_id": client}, as_json=json_line)


@documents.command("remove")
def remove(
    document: Annotated[str, typer.Argument(metavar="ID", help="Its id, or its SHA-256.")],
    *,
    client: ClientId,
) -> None:
    """Take a document off a client's record."""
    opened(lambda house: house.services.documents.remove(client, document))


@documents.command("list")
def show(*, client: ClientId, json_line: Json = False) -> None:
    """Show what a client has on record, the newest first."""

    async def work(house: House) -> list[dict[str, object]]:
        found = await house.services.documents.of(known_client(house, client).id)
        return [
            {"id": each.id, "since": each.since.isoformat(), "text": each.text} for each in found
        ]

    found = opened(work)
    if json_line:
        say({"documents": found}, as_json=True)
    else:
        for each in found:
            typer.echo(f"{each['id']}  {each['since']}")


def _read(file: Path) -> str:
    """The text whose bytes are the file's.

    Raises:
        Invalid: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_bytes().decode()
    except OSError as error:
        sentence = f"{file} cannot be read: {error.strerror}."
        raise Invalid(sentence) from error
    except UnicodeDecodeError as error:
        sentence = f"{file} is not in UTF-8: byte {error.start} is no part of a character."
        raise Invalid(sentence) from error


def _check(house: House, file: Path) -> Check:
    """The graph's judgement, as sentences that name the places in the file."""
    from engine import Rejected  # noqa: PLC0415 - a server's imports, which others spare
    from schema.persisted import judge  # noqa: PLC0415 - as above

    press = house.press.documents

    def check(text: str) -> None:
        try:
            judge(press, text)
        except Rejected as rejected:
            told = [
                ":".join([str(file), *(f"{at.line}:{at.column}" for at in fault.locations[:1])])
                + f": {fault.message}"
                for fault in rejected.faults
            ]
            raise Invalid("\n".join(told)) from rejected

    return check
