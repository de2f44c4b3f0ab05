"""Rows of `replays`, and what they are rows of."""

from typing import Any

from core.domain.events import EventType
from core.domain.repairs import Chosen, Replay
from core.store import hooks
from core.store.rows import Fetched


def replay_of(row: Fetched) -> Replay:
    """A row of `replays`."""
    said = row.chosen
    types, ids = said["event_types"], said["device_ids"]
    chosen = Chosen(
        since=hooks.instant_in(said["since"]),
        until=hooks.instant_in(said["until"]),
        event_types=None if types is None else frozenset(map(EventType, types)),
        device_ids=None if ids is None else frozenset(ids),
        only_failed=said["only_failed"],
        per_second=said["per_second"],
    )
    return Replay(
        id=row.id,
        endpoint_id=row.endpoint_id,
        chosen=chosen,
        place=row.place,
        until=row.until,
        created_at=row.created_at,
        next_at=row.next_at,
        made=row.made,
        skipped=row.skipped,
    )


def replay_values(replay: Replay) -> dict[str, Any]:
    """The row of a replay."""
    chosen = replay.chosen
    types, ids = chosen.event_types, chosen.device_ids
    return {
        "id": replay.id,
        "endpoint_id": replay.endpoint_id,
        "chosen": {
            "since": hooks.instant_out(chosen.since),
            "until": hooks.instant_out(chosen.until),
            "event_types": None if types is None else sorted(one.value for one in types),
            "device_ids": None if ids is None else sorted(ids),
            "only_failed": chosen.only_failed,
            "per_second": chosen.per_second,
        },
        "place": replay.place,
        "until": replay.until,
        "made": replay.made,
        "skipped": replay.skipped,
        "created_at": replay.created_at,
        "next_at": replay.next_at,
    }
