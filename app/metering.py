"""What a process that sends webhooks has counted, in Prometheus' terms (see `app.metrics`)."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.metrics import counts
from core.domain.breaker import BreakerState
from core.domain.deliveries import DeliveryStatus
from core.services.planner import Planner
from webhooks.worker import Worker

OUTCOMES: Final = ("taken", "unanswered", "3xx", "4xx", "5xx")


class Toll(Collector):
    """Reads the counters of a worker."""

    def __init__(self, worker: Worker, planner: Planner) -> None:
        """Of this one, and of what plans for it."""
        self._worker = worker
        self._planner = planner

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now."""
        worker, planner, queue = self._worker, self._planner, self._worker.queue
        yield GaugeMetricFamily(
            "latchkey_deliveries_pending",
            "Deliveries that wait to be sent, by any worker, some seconds ago.",
            queue.pending,
        )
        yield GaugeMetricFamily(
            "latchkey_deliveries_oldest_seconds",
            "The age of the oldest delivery that is to be sent next, some seconds ago.",
            queue.oldest_seconds,
        )
        yield counts(
            "latchkey_deliveries_ended",
            "Deliveries that came to an end here, by how.",
            "status",
            {one.value: worker.ended[one.value] for one in DeliveryStatus if one.value in _ENDS},
        )
        yield counts(
            "latchkey_delivery_attempts",
            "Requests to receivers, by what came of them: `taken`, the class of the status that"
            " refused it, or `unanswered`.",
            "outcome",
            {one: worker.attempts[one] for one in OUTCOMES},
        )
        yield GaugeMetricFamily(
            "latchkey_endpoints_leased", "Endpoints that this worker sends to.", worker.leased
        )
        yield GaugeMetricFamily(
            "latchkey_endpoints_behind",
            "Endpoints at which more is due than this worker sends in time.",
            worker.behind,
        )
        breakers = GaugeMetricFamily(
            "latchkey_endpoint_breakers",
            "Endpoints that this worker sends to, by the state of their circuit breaker.",
            labels=["state"],
        )
        for state in BreakerState:
            breakers.add_metric([state.value], worker.breakers[state.value])
        yield breakers
        yield GaugeMetricFamily(
            "latchkey_homes_unplanned",
            "Homes with events that have no deliveries yet, as far as this process knows.",
            planner.behind,
        )
        yield CounterMetricFamily(
            "latchkey_deliveries_planned", "Deliveries planned here.", planner.deliveries
        )


_ENDS: Final = frozenset(one.value for one in DeliveryStatus if one is not DeliveryStatus.PENDING)
