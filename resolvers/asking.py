"""Asking: what a resolver knows of who asks, and what it may turn to."""

from dataclasses import dataclass, replace

from core.domain.accounts import Viewer
from core.domain.errors import Unauthenticated
from core.domain.events import Event
from core.domain.ports import Clock, Live
from core.services import Services
from core.tokens import Cursors
from resolvers.facts import EventFacts
from resolvers.loaders import Loaders


@dataclass(slots=True)
class Ask:
    """The context of one operation, or of one event of a subscription; never of two."""

    viewer: Viewer | None
    services: Services
    loaders: Loaders
    cursors: Cursors
    live: Live
    clock: Clock

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
