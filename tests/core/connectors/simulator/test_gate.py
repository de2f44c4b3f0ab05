"""The gate before simulated devices: who was owner before is declined, whatever became of it."""

import pytest
from hypothesis import given, strategies as st

from core.connectors.simulator.gate import Gate
from core.domain.devices import State
from core.domain.ports import Declined
from core.domain.shards import shard_of
from tests.core.connectors.simulator.house import House

sent = st.lists(st.tuples(st.sampled_from(["home_1", "home_2", "home_3"]), st.integers(0, 5)))


@given(sent)
def test_tokens_only_grow(tokens: list[tuple[str, int]]) -> None:
    """What is let through in a shard never falls, and nothing else is turned away."""
    gate, highest = Gate(), dict[int, int]()
    for home, token in tokens:
        shard = shard_of(home)
        if token >= highest.get(shard, 0):
            gate.check(home, token)
            highest[shard] = token
        else:
            with pytest.raises(Declined):
                gate.check(home, token)


async def test_an_owner_of_before_cannot_send() -> None:
    """Nothing happens to the device, even where the home was let go and adopted again since."""
    async with House() as house:
        switch = await house.add("switch")
        await house.clock.finish(house.simulator.send(switch.id, State(on=True), 7))
        await house.simulator.forget(switch.id)
        await house.simulator.adopt(switch)
        before = house.simulator.latest(switch.id)
        with pytest.raises(Declined, match="a later owner"):
            await house.simulator.send(switch.id, State(on=False), 6)
        await house.after(5)
        assert house.simulator.latest(switch.id) == before
        await house.clock.finish(house.simulator.send(switch.id, State(on=False), 7))
