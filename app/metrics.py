"""Metrics: what the parts of this process have counted, in Prometheus' text format.

Parts count for themselves and know nothing of Prometheus; nothing is read before it is asked for.
Labels are ways and outcomes: never a person, a client, a home or anything that a client sent.
"""

from collections.abc import Iterator, Mapping, Sequence
from hmac import compare_digest
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.compose import House
from schema.graph import Graph
from subscriptions.sessions import Sessions

Meters: TypeAlias = Sequence[Collector]
"""What reads the counters of parts."""

OFF: Final = "Metrics are off: an operator sets LATCHKEY_METRICS_TOKEN to have them.\n"
UNSHOWN: Final = "Show the token of LATCHKEY_METRICS_TOKEN: `Authorization: Bearer …`.\n"
SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200)
"""Upper bounds of the buckets for pieces of work in a transaction, of which there are 200 at most.
"""


class Meter(Collector):
    """Reads the counters of one process's parts."""

    def __init__(self, house: House, graph: Graph, sessions: Sessions) -> None:
        """`sessions` are the sockets and event streams that are open."""
        self._house = house
        self._graph = graph
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        yield from self._engine()
        yield from self._answers()
        yield from self._renderings()
        yield from self._homes()
        yield from self._live()
        yield from self._broadcast()
        yield from self._shards()
        yield from self._commits()
        yield from self._retention()
        yield from self._audit()

    def _engine(self) -> Iterator[Metric]:
        documents = self._graph.documents
        yield counts(
            "latchkey_graphql_operations",
            "Operations run, and subscriptions begun, by what ran them: `compiled`, or the reason"
            " why it was graphql-core.",
            "way",
            {"compiled": 0, **documents.runs},
        )
        made = documents.made
        yield counts(
            "latchkey_graphql_documents",
            "Texts that were not known and so were judged: `prepared` or `refused`.",
            "outcome",
            {"prepared": made["documents"], "refused": made["refusals"]},
        )
        yield CounterMetricFamily(
            "latchkey_graphql_programs", "Programs compiled from documents.", made["programs"]
        )
        yield GaugeMetricFamily(
            "latchkey_graphql_documents_kept",
            "Documents that are ready to run again.",
            documents.kept["documents"],
        )

    def _answers(self) -> Iterator[Metric]:
        reuse = self._graph.reuse
        yield counts(
            "latchkey_answers",
            "Queries whose answer could have been given before: `reused`, or `made` anew.",
            "outcome",
            {"reused": reuse.reused, "made": reuse.missed},
        )
        yield GaugeMetricFamily("latchkey_answers_kept", "Answers kept for reuse.", len(reuse))

    def _renderings(self) -> Iterator[Metric]:
        yield counts(
            "latchkey_events_shown",
            "Events shown to subscribers: `rendered`, or `shared` as the bytes of another's.",
            "outcome",
            self._graph.renderer.shown,
        )

    def _homes(self) -> Iterator[Metric]:
        homes = self._house.homes
        here = homes.homes
        yield GaugeMetricFamily("latchkey_snapshot_homes", "Homes in memory.", here)
        yield GaugeMetricFamily(
            "latchkey_snapshot_devices", "Devices of the homes in memory.", len(homes) - here
        )
        yield CounterMetricFamily(
            "latchkey_snapshot_loads", "Homes read from the database into memory.", homes.loads
        )

    def _live(self) -> Iterator[Metric]:
        feed, sockets = self._house.feed, self._sessions.sockets
        running = sum(len(socket.operations) for socket in sockets)
        yield GaugeMetricFamily("latchkey_sockets", "Open WebSockets.", len(sockets))
        yield GaugeMetricFamily(
            "latchkey_socket_operations", "Operations that run on open WebSockets.", running
        )
        yield GaugeMetricFamily(
            "latchkey_event_streams",
            "Subscriptions that run over HTTP, as server-sent events.",
            len(self._sessions.streams),
        )
        hub = self._house.hub
        yield GaugeMetricFamily("latchkey_watches", "Subscriptions that are open.", hub.watches)
        yield GaugeMetricFamily(
            "latchkey_watches_behind",
            "Open subscriptions that read on from the log, since they resume or are slow, or whose"
            " access is looked at again.",
            hub.behind,
        )
        yield CounterMetricFamily(
            "latchkey_watches_fallen",
            "Times at which a subscription was too slow for its events, and had to read on from"
            " the log.",
            hub.fallen,
        )
        yield GaugeMetricFamily("latchkey_feed_logs", "Logs that are followed.", len(feed))
        yield GaugeMetricFamily(
            "latchkey_feed_logs_behind",
            "Followed logs with entries that are known of and have not been told yet.",
            feed.behind,
        )
        yield GaugeMetricFamily(
            "latchkey_feed_look_age_seconds",
            "Time since the last look at what other processes wrote: usually under 0.5 s; over 3 s"
            " nobody is served.",
            feed.age,
        )

    def _broadcast(self) -> Iterator[Metric]:
        tally = self._house.hints.tally
        yield GaugeMetricFamily(
            "latchkey_broadcast_connected",
            "1 while every server of the broadcast answers, and always with `memory://`; without"
            " it, other processes hear of this one's commits half a second later.",
            int(tally.connected),
        )
        yield CounterMetricFamily(
            "latchkey_broadcast_reconnects",
            "Connections to servers of the broadcast that were lost and made again.",
            tally.reconnects,
        )
        yield counts(
            "latchkey_broadcast_hints",
            "Hints: `published`, `heard`, or `lost`, since a server refused them or there was no"
            " room for more that wait. None with `memory://`.",
            "outcome",
            {"published": tally.published, "heard": tally.heard, "lost": tally.lost},
        )

    def _retention(self) -> Iterator[Metric]:
        retention = self._house.services.retention
        yield CounterMetricFamily(
            "latchkey_events_pruned",
            "Events deleted because their home's log is kept no longer, or holds no more.",
            retention.pruned,
        )
        yield GaugeMetricFamily(
            "latchkey_retention_late_seconds",
            "How long a home had waited to be pruned when this process last looked.",
            retention.late,
        )

    def _shards(self) -> Iterator[Metric]:
        runner = self._house.runner
        yield GaugeMetricFamily(
            "latchkey_shards",
            "Shards of homes whose devices this process runs.",
            len(runner.keeper.shards) if runner else 0,
        )
        yield CounterMetricFamily(
            "latchkey_shards_lost",
            "Shards that were taken from this process, or that it could not renew in time.",
            runner.keeper.lost if runner else 0,
        )

    def _audit(self) -> Iterator[Metric]:
        audit = self._house.services.audit
        yield CounterMetricFamily(
            "latchkey_audit_rows",
            "Rows of the audit that were written by themselves.",
            audit.written,
        )
        yield GaugeMetricFamily(
            "latchkey_audit_rows_waiting",
            "Rows of the audit that wait to be written.",
            audit.waiting,
        )
        yield CounterMetricFamily(
            "latchkey_audit_rows_lost",
            "Rows of the audit that found no room and went to the log alone.",
            audit.lost,
        )

    def _commits(self) -> Iterator[Metric]:
        committer = self._house.committer
        sizes = committer.sizes
        below = [sum(count for size, count in sizes.items() if size <= most) for most in SIZES]
        yield HistogramMetricFamily(
            "latchkey_commit_works",
            "Pieces of work (a command, a report, …) in one transaction.",
            [
                *((f"{most:.1f}", count) for most, count in zip(SIZES, below, strict=True)),
                ("+Inf", sizes.total()),
            ],
            sum(size * count for size, count in sizes.items()),
        )
        yield GaugeMetricFamily(
            "latchkey_commit_works_waiting",
            "Pieces of work that wait for a transaction.",
            committer.waiting,
        )
        yield GaugeMetricFamily(
            "latchkey_tasks_dead",
            "Tasks of this process that have died; with any, it has to be restarted.",
            len(self._house.dead),
        )


class Metrics:
    """`GET /metrics`, for who shows the operator's token."""

    def __init__(self, meters: Meters, token: str) -> None:
        """Without a token, nobody is shown anything."""
        self._token = token.encode()
        self._registry = CollectorRegistry()
        for meter in meters:
            self._registry.register(meter)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    async def answer(self, request: Request) -> Response:
        """Everything, as every scraper reads it (text format 0.0.4)."""
        if not self._token:
            return PlainTextResponse(OFF, 404)
        if not self._known(request.headers.get("authorization", "")):
            challenge = {"WWW-Authenticate": 'Bearer realm="latchkey metrics"'}
            return PlainTextResponse(UNSHOWN, 401, challenge)
        text = generate_latest(self._registry)
        return Response(text, 200, {"Cache-Control": "no-store"}, CONTENT_TYPE_PLAIN_0_0_4)

    def _known(self, authorization: str) -> bool:
        scheme, _, shown = authorization.strip().partition(" ")
        given = shown.strip().encode("latin-1")
        return scheme.lower() == "bearer" and compare_digest(given, self._token)


def counts(name: str, meaning: str, label: str, counts: Mapping[str, int]) -> Metric:
    """A counter with a label."""
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
