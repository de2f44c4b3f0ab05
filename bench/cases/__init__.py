"""The benchmarks by name, in the order in which they run."""

from collections.abc import Mapping
from typing import Final

from bench.cases import (
    across,
    backlog,
    control,
    delay,
    fanout,
    hold,
    idle,
    ingest,
    press,
    query,
    tokens,
    town,
    webhooks,
)
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
        fanout.BURSTS,
        fanout.SINGLE,
        town.TOWN,
        hold.HOLD,
        across.ACROSS,
        ingest.SQLITE,
        ingest.POSTGRES,
        idle.IDLE,
        tokens.CHECK,
        tokens.ISSUE,
        webhooks.SQLITE,
        webhooks.POSTGRES,
        delay.LATENCY,
        delay.ISOLATION,
        backlog.BACKLOG,
    )
}
