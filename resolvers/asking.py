"""Asking: what a resolver knows of who asks, and what it may turn to."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from math import inf

from core.domain.accounts import Viewer
from core.domain.errors import Unauthenticated
from core.domain.events import Event
from core.domain.ports import Clock, Live
from core.services import Services
from core.services.documents import Check
from core.snapshots.freshness import Freshness
from core.tokens import Cursors
from resolvers.facts import EventFacts
from resolvers.loaders import Loaders
from resolvers.merge import Budget


@dataclass(slots=True)
class Ask:
    """The context of one operation, or of the events of subscriptions, one after the other."""

    viewer: Viewer | None
    services: Services
    loaders: Loaders
    cursors: Cursors
    live: Live
    fresh: Freshness
    clock: Clock
    opens: Callable[[str, Collection[str]], bool]
    """Whether scopes open a kind of record, by the name of its class, as the contract says."""

    check: Check
    """Refuses a document that the graph would not run."""
    until: float = inf
    """When (monotonic) the operation must have been answered."""
    budget: Budget = field(default_factory=Budget)
    touched: set[str] = field(default_factory=set)
    """The homes that the operation has changed something in."""

    def patience(self, wait_ms: int) -> int:
        """What is left of a wait in milliseconds, so that an answer still comes in time."""
        left = max(0.0, self.until - self.clock.monotonic())
        return int(min(wait_ms, left * 1_000))

    @property
    def who(self) -> Viewer:
        """The viewer.

        Raises:
            Unauthenticated: nobody we know is asking.
        """
        if self.viewer is None:
            sentence = "This needs an access token: send it as `Authorization: Bearer …`."
            raise Unauthenticated(sentence)
        return self.viewer

    def of(self, event: Event) -> "Ask":
        """The context in which this event is shown: what it carries, and nothing else."""
        return replace(self, loaders=EventFacts(event))

    def turned_to(self, event: Event) -> "Ask":
        """Itself, as the context in which this event is shown, until it is turned to another.

        For who shows one event after the other, and waits for nothing while one is shown.
        """
        self.loaders = EventFacts(event)
        return self
