"""Uses: what two know together does not depend on who tells first."""

from datetime import timedelta

from hypothesis import given, strategies as st

from core.domain.devices import DeviceKind, State
from core.domain.uses import NEVER, Deed, Use
from tests.fakes import START

moments = st.integers(0, 9).map(lambda seconds: START + timedelta(seconds=seconds))
deeds = moments.map(lambda at: Deed(at, "lamp", "Maple", DeviceKind.LIGHT, State(on=True)))
uses = st.builds(Use, st.none() | moments, st.none() | deeds)


@given(uses, uses, uses)
def test_merging_keeps_the_latest(one: Use, two: Use, three: Use) -> None:
    """In any order, any number of times, and nothing that is known is lost."""
    assert one.merged(two) == two.merged(one)
    assert one.merged(two).merged(three) == one.merged(two.merged(three))
    assert one.merged(one) == one.merged(NEVER) == one
    ats = [at for at in (one.at, two.at) if at is not None]
    assert one.merged(two).at == max(ats, default=None)
