"""The benchmarks by name, in the order in which they run.

The names are those of the contract; `events`, which is none of them, is the baseline of the live
side until `fanout_burst` and its peers are here.
"""

from collections.abc import Mapping
from typing import Final

from bench.cases import control, events, fanout, hold, idle, ingest, press, query, tokens, town
from bench.contest import Benchmark

BENCHMARKS: Final[Mapping[str, Benchmark]] = {
    one.name: one
    for one in (
        query.FRESH,
        query.REUSED,
        query.WIDE,
        control.CONTROL,
        press.RENDER,
        press.COMPILE,
        events.EVENTS,
        fanout.BURSTS,
        fanout.SINGLE,
        town.TOWN,
        hold.HOLD,
        ingest.SQLITE,
        ingest.POSTGRES,
        idle.IDLE,
        tokens.CHECK,
        tokens.ISSUE,
    )
}
