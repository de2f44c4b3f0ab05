"""Explanations: one sentence for whatever is known, and the reasons in their order."""

from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from core.domain.breaker import Breaker, BreakerState
from core.domain.deliveries import DeliveryStatus
from core.domain.endpoints import EndpointStatus
from core.domain.explaining import ENDS, SENTENCES, EventOutcome, Facts, explained
from core.domain.repairs import Traced
from core.domain.sending import Held
from tests.core.domain.webhooks import delivery, endpoint
from tests.fakes import START

HELD: Final = Held(endpoint(), ())
ALL: Final = {"wanted": False, "asked": False, "then": False, "now": False, "planned": False}
ORDER: Final = (
    ("wanted", EventOutcome.TYPE_NOT_WANTED),
    ("asked", EventOutcome.NOT_ASKED_FOR),
    ("then", EventOutcome.NOT_COVERED_THEN),
    ("now", EventOutcome.NOT_COVERED_NOW),
    ("missing", EventOutcome.SCOPES_MISSING),
    ("planned", EventOutcome.NOT_PLANNED_YET),
)


def traced(**more: Any) -> Traced:
    """A delivery with what was tried."""
    one = delivery(**more)
    return Traced(**{name: getattr(one, name) for name in type(one).__dataclass_fields__})


def facts(held: Held = HELD, **more: Any) -> Facts:
    """What is known of an event that everything speaks for."""
    usual = {"type_name": "DEVICE_ADDED", "wanted": True, "occurred_at": START}
    return Facts(held, **{**usual, **more})


def test_the_first_reason_is_told() -> None:
    """Each hides those that come after it."""
    against: dict[str, Any] = {**ALL, "missing": ("events:subscribe",)}
    early = facts(**{**against, "occurred_at": START - timedelta(seconds=1)})
    assert explained(early, START).outcome is EventOutcome.CREATED_LATER
    for name, outcome in ORDER:
        assert explained(facts(**against), START).outcome is outcome
        del against[name]
    assert explained(facts(), START).outcome is EventOutcome.PASSED_OVER


@given(
    st.sampled_from(DeliveryStatus),
    st.sampled_from(EndpointStatus),
    st.sampled_from(BreakerState),
    st.integers(-600, 600),
    st.none() | st.just("delivery_0"),
    st.none() | st.text(max_size=20),
)
def test_whatever_is_known_is_a_sentence(
    status: DeliveryStatus,
    endpoint_status: EndpointStatus,
    state: BreakerState,
    seconds: int,
    before: str | None,
    why: str | None,
) -> None:
    """With nothing left to fill in; a next attempt only where one will be, and not before now."""
    breaker = Breaker(state, until=START + timedelta(seconds=seconds))
    held = Held(endpoint(status=endpoint_status, disabled_because=why), (), breaker)
    its = traced(status=status, reason=why)
    said = explained(facts(held, delivery=its, before=before), START)
    assert said.reason
    assert "None" not in said.reason.replace(why or "", "")
    if status is not DeliveryStatus.PENDING:
        assert said.outcome is ENDS[status]
    if said.next_attempt_at is not None:
        assert said.outcome in {EventOutcome.WAITING, EventOutcome.RECEIVER_DOWN}
        assert said.next_attempt_at >= START
    if endpoint_status is not EndpointStatus.ACTIVE:
        assert said.next_attempt_at is None


@pytest.mark.parametrize("outcome", EventOutcome)
def test_every_outcome_has_a_sentence(outcome: EventOutcome) -> None:
    """And all of it ends as sentences do, or with what is filled in."""
    assert SENTENCES[outcome].endswith((".", "}"))
