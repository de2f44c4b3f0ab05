"""What waits: the newest message of each channel, and of too many channels the latest."""

import asyncio

from hypothesis import given, strategies as st

from core.broadcast.newest import Newest

CHANNELS = st.sampled_from("abcdef")
STEPS = st.lists(st.tuples(st.sampled_from(["put", "take", "back", "next"]), CHANNELS), max_size=60)
MOST = 4


@given(STEPS)
async def test_it_is_a_short_list(steps: list[tuple[str, str]]) -> None:
    """Against a list of pairs: in order of who waits longest, and never longer than it may be."""
    newest, waiting, taken = Newest(MOST), dict[str, str](), dict[str, str]()
    for number, (step, channel) in enumerate(steps):
        lost = 0
        if step == "put":
            lost = newest.put(channel, str(number))
            waiting[channel] = str(number)
        elif step == "take":
            taken = newest.take(2)
            assert list(taken.items()) == list(waiting.items())[:2]
            waiting = dict(list(waiting.items())[2:])
        elif step == "back":
            lost = newest.put_back(taken)
            older = {name: what for name, what in taken.items() if name not in waiting}
            waiting, taken = {**older, **waiting}, {}
        elif waiting:
            first = next(iter(waiting))
            assert await newest.next() == (first, waiting.pop(first))
        assert lost == max(len(waiting) - MOST, 0)
        waiting = dict(list(waiting.items())[-MOST:])
        assert len(newest) == len(waiting)
    assert newest.take(100) == waiting


async def test_who_waits_is_woken_by_either() -> None:
    """By what is put, and by what is put back."""
    newest = Newest()
    for again in (False, True):
        waiting = asyncio.create_task(newest.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        assert (newest.put_back({"a": "1"}) if again else newest.put("a", "1")) == 0
        assert await waiting == ("a", "1")
