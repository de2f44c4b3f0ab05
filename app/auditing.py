"""`latchkey audit`: look at the audit, check its chain, and erase a person from it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from app.door import Json, opened, say
from core.domain.audit import OPERATOR, Kind, Outcome, Sought
from core.domain.chain import Row
from core.domain.errors import Invalid
from core.services.audit import Verdict

audit = typer.Typer(no_args_is_help=True, help="Security decisions, kept.")


@audit.command()
def verify(
    *,
    anchor: Annotated[
        list[str] | None, typer.Option(help="A seal noted earlier, as NUMBER:HASH.")
    ] = None,
    json_line: Json = False,
) -> None:
    """Check every row and every seal; exit code 1 where they do not hold."""
    anchors = dict(map(_anchor, anchor or ()))
    verdict: Verdict = opened(lambda house: house.services.audit.verify(anchors))
    say(
        {
            "holds": verdict.broken is None,
            "rows": verdict.rows,
            "not_sealed_yet": verdict.waiting,
            "erased": verdict.erased,
            "anchor": f"{verdict.seal}:{verdict.hash}",
            **({"broken": verdict.broken} if verdict.broken else {}),
        },
        as_json=json_line,
    )
    raise typer.Exit(0 if verdict.broken is None else 1)


@audit.command("list")
def show(
    *,
    kind: Annotated[Kind | None, typer.Option(help="What was decided.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="How it ended.")] = None,
    who: Annotated[str | None, typer.Option(help="An actor, or the id of a user.")] = None,
    hours: Annotated[float | None, typer.Option(min=0, help="How far back.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
) -> None:
    """Print rows as lines of JSON, the newest first."""
    since = None if hours is None else datetime.now(UTC) - timedelta(hours=hours)

    sought = Sought(kind, outcome, who, since)
    rows: list[Row] = opened(lambda house: house.services.audit.listed(sought, limit))
    for line in _lines(rows):
        typer.echo(line)


@audit.command()
def erase(
    *,
    user: Annotated[str, typer.Option(help="The id of the user.")],
    json_line: Json = False,
) -> None:
    """Delete what the audit says of a person; the chain still holds."""
    rows = opened(lambda house: house.services.audit.erase(user, OPERATOR))
    say({"erased": rows}, as_json=json_line)


def _anchor(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdigit() or not digest:
        sentence = f"--anchor is NUMBER:HASH, as `latchkey audit verify` prints it, not {text!r}."
        raise Invalid(sentence)
    return int(number), digest


def _lines(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        said = dict(row.content or {})
        detail = json.loads(said.pop("detail", "{}"))
        yield json.dumps({"place": row.place, **said, **detail})
