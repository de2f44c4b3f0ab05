"""The office: what all couriers of a process share."""

from datetime import timedelta

from core.domain.ports import Clock, Ids
from core.domain.schedule import Schedule
from core.services.outbox import Outbox
from webhooks.post import Post
from webhooks.recorder import Recorder


class Office:
    """What endpoints are leased by, sent to and recorded with, by what clock and schedule."""

    def __init__(
        self,
        outbox: Outbox,
        post: Post,
        recorder: Recorder,
        schedule: Schedule,
        seconds: float,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """A request takes `seconds` at most."""
        self.outbox = outbox
        self.post = post
        self.recorder = recorder
        self.schedule = schedule
        self.lasts = timedelta(seconds=seconds + 1)
        self.clock = clock
        self.ids = ids
