"""The roster against a server that answers late, in order, and forgets all when it is lost."""

from collections import deque

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from core.broadcast.roster import Ask, Roster

CHANNELS = st.sampled_from("abc")


class Server:
    """A server as it is seen over one connection: it does one thing after the other."""

    def __init__(self) -> None:
        self.asked: deque[Ask] = deque()
        self.carries: set[str] = set()
        self.answers: deque[tuple[str, Ask]] = deque()


class Conversation(RuleBasedStateMachine):
    """Channels come and go while questions and answers are on their way, and lines break."""

    def __init__(self) -> None:
        super().__init__()
        self.roster = Roster()
        self.server = Server()
        self.wanted: set[str] = set()
        self.refused: set[str] = set()

    @rule(channel=CHANNELS)
    def want(self, channel: str) -> None:
        """Somebody joins."""
        self.roster.want(channel)
        self.wanted.add(channel)
        self.refused.discard(channel)

    @rule(channel=CHANNELS)
    def unwant(self, channel: str) -> None:
        """The last one leaves."""
        self.roster.unwant(channel)
        self.wanted.discard(channel)

    @rule(most=st.integers(1, 3))
    def ask(self, most: int) -> None:
        """Questions go out, not all of them at once."""
        asks = self.roster.due(most)
        assert len(asks) <= most
        self.server.asked.extend(asks)

    @rule(willing=st.booleans())
    def do(self, willing: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
        """The server does the next thing, or refuses to carry a channel."""
        if not self.server.asked:
            return
        ask = self.server.asked.popleft()
        if ask.on and not willing:
            self.server.answers.append(("no", ask))
            return
        (self.server.carries.add if ask.on else self.server.carries.discard)(ask.channel)
        self.server.answers.append(("yes", ask))

    @rule(channel=CHANNELS)
    def move_away(self, channel: str) -> None:
        """A shard goes to another server, and its readers are told."""
        if channel in self.server.carries:
            self.server.carries.discard(channel)
            self.server.answers.append(("gone", Ask(on=False, channel=channel)))

    @rule()
    def answer(self) -> None:
        """An answer comes in."""
        if not self.server.answers:
            return
        how, ask = self.server.answers.popleft()
        if how == "no":
            assert self.roster.refused() == ask.channel
            self.refused.add(ask.channel)
        elif not self.roster.answered(ask):
            assert how == "gone"
            self.roster.dropped(ask.channel)
            self.refused.add(ask.channel)

    @rule()
    def lose(self) -> None:
        """The connection breaks."""
        self.roster.hung_up()
        self.server = Server()
        self.refused.clear()

    @invariant()
    def what_is_heard_is_carried(self) -> None:
        """Who was told that a channel is heard hears it, but for a shard that is on its way."""
        leaving = {ask.channel for how, ask in self.server.answers if how == "gone"}
        for channel in "abc":
            if self.roster.hears(channel) and channel not in leaving | self.refused:
                assert channel in self.server.carries

    @invariant()
    def what_is_settled_stays(self) -> None:
        """Once all is asked and answered, the server carries what is wanted and no more."""
        if self.roster.settled and not self.server.asked and not self.server.answers:
            assert self.server.carries - self.refused == self.wanted - self.refused
            for channel in self.wanted - self.refused:
                assert self.roster.hears(channel)

    def teardown(self) -> None:
        """Left in peace, what was refused is wanted again and then all is as it should be."""
        self.lose()
        while asks := self.roster.due(2):
            self.server.asked.extend(asks)
            while self.server.asked:
                self.do(willing=True)
                self.answer()
        assert self.server.carries == self.roster.wanted == self.wanted


TestConversation = Conversation.TestCase


def test_an_answer_to_no_question() -> None:
    """It is nobody's turn."""
    roster = Roster()
    assert not roster.answered(Ask(on=True, channel="a"))
    assert roster.refused() is None
