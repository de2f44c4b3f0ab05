"""What waits for a reader, against a list."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given, strategies as st

from core.domain.events import EventType
from subscriptions.queues import All, Latest

S = EventType.DEVICE_STATUS_CHANGED
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("xyz"), st.sampled_from([S, S, S, *EventType])),
        st.tuples(st.just("take"), st.just(""), st.just(S)),
    ),
    max_size=60,
)


def event(number: int, device: str, kind: EventType) -> Any:
    """As much of an event as a queue looks at."""
    found = None if kind is EventType.HOME_UPDATED else SimpleNamespace(id=device)
    return SimpleNamespace(event=SimpleNamespace(id=f"event_{number}", type=kind, device=found))


@given(steps)
def test_the_newest_state_of_each_device_waits_and_everything_else(
    todo: list[tuple[str, str, EventType]],
) -> None:
    """In the order of places; of each one it is known how many it has overtaken."""
    queue, model = Latest(), list[tuple[Any, int]]()
    for number, (what, device, kind) in enumerate(todo):
        if what == "put":
            one = event(number, device, kind)
            old = [
                (waits, skipped)
                for waits, skipped in model
                if kind is waits.event.type is S and waits.event.device.id == device
            ]
            model = [pair for pair in model if pair not in old]
            model.append((one, sum(skipped + 1 for _, skipped in old)))
            queue.put(one)
        elif model:
            assert queue.first() is model[0][0]
            taken = queue.take()
            assert (taken, queue.skipped) == model.pop(0)
        assert len(queue) == len(model)
    queue.clear()
    assert not queue


@given(steps)
def test_all_of_it_waits(todo: list[tuple[str, str, EventType]]) -> None:
    """In order."""
    queue, model = All(), list[Any]()
    for number, (what, device, kind) in enumerate(todo):
        if what == "put":
            model.append(event(number, device, kind))
            queue.put(model[-1])
        elif model:
            assert queue.first() is model[0]
            assert queue.take() is model.pop(0)
        assert (len(queue), queue.skipped) == (len(model), 0)
