"""What a device can never do, and how that is said."""

import math
from typing import Any

import pytest
from hypothesis import given, strategies as st

from core.domain.devices import (
    TABLE,
    Capability,
    Color,
    Device,
    DeviceKind,
    State,
    check,
    spoken,
)
from core.domain.errors import Invalid
from tests.core.domain.records import VALUES, WRITABLE, device, states

LIGHT = device(Capability.ON_OFF, Capability.BRIGHTNESS)
PLUG = device(Capability.ON_OFF, Capability.POWER, kind=DeviceKind.OUTLET)
LAMP = device(Capability.ON_OFF, Capability.COLOR, Capability.COLOR_TEMPERATURE)
STOVE = device(Capability.TEMPERATURE, Capability.TARGET_TEMPERATURE, kind=DeviceKind.THERMOSTAT)
SENSOR = device(Capability.MOTION, kind=DeviceKind.SENSOR)
DOOR = device(Capability.POSITION, kind=DeviceKind.GARAGE_DOOR)
EVERYTHING = device(*Capability)

RANGES = {
    name: (attribute.least, attribute.most)
    for name, attribute in TABLE.items()
    if attribute.writable and attribute.least is not None and attribute.most is not None
}


def refusal(asked_of: Device, asked: State) -> tuple[str | None, str]:
    """The field and the sentence with which this is refused."""
    with pytest.raises(Invalid) as refused:
        check(asked_of, asked)
    return refused.value.field, str(refused.value)


@pytest.mark.parametrize(
    ("asked_of", "asked", "field", "sentence"),
    [
        (
            LIGHT,
            State(brightness=400),
            "state.brightness",
            "is 400; it must be between 0 and 100 %.",
        ),
        (LIGHT, State(brightness=-1), "state.brightness", "is -1; it must be between 0 and 100 %."),
        (DOOR, State(position=101), "state.position", "is 101; it must be between 0 and 100 %."),
        (PLUG, State(color=Color(0, 0)), "state.color", ": this outlet has no COLOR; it takes on."),
        (
            DOOR,
            State(on=True),
            "state.on",
            ": this garage door has no ON_OFF; it takes position.",
        ),
        (
            SENSOR,
            State(locked=True),
            "state.locked",
            ": this sensor has no LOCK; it takes no commands.",
        ),
        (PLUG, State(power=5.0), "state.power", " can only be reported; this outlet takes on."),
        (LIGHT, State(), "state", " asks for nothing; this light takes on, brightness."),
        (SENSOR, State(), "state", " asks for nothing; this sensor takes no commands."),
        (
            LAMP,
            State(color=Color(361, 50)),
            "state.color.hue",
            "is 361; it must be between 0 and 360 degrees.",
        ),
        (
            LAMP,
            State(color=Color(10, -0.5)),
            "state.color.saturation",
            "is -0.5; it must be between 0 and 100 %.",
        ),
        (
            LAMP,
            State(color=Color(math.nan, 50)),
            "state.color.hue",
            "is nan; it must be between 0 and 360 degrees.",
        ),
        (
            LAMP,
            State(color=Color(10, math.inf)),
            "state.color.saturation",
            "is inf; it must be between 0 and 100 %.",
        ),
        (
            LAMP,
            State(color_temperature=1_000_000),
            "state.colorTemperature",
            "is 1000000; it must be between 1500 and 9000 K.",
        ),
        (
            STOVE,
            State(target_temperature=math.nan),
            "state.targetTemperature",
            "is nan; it must be between 5 and 35 °C.",
        ),
        (
            STOVE,
            State(target_temperature=35.0000001),
            "state.targetTemperature",
            "is 35.0000001; it must be between 5 and 35 °C.",
        ),
        (
            STOVE,
            State(target_temperature=40.0),
            "state.targetTemperature",
            "is 40; it must be between 5 and 35 °C.",
        ),
    ],
)
def test_a_refusal_says_what_would_be_right(
    asked_of: Device, asked: State, field: str, sentence: str
) -> None:
    """It names the field as the partner wrote it, the value, and what the device takes."""
    said = f"{field} {sentence}" if sentence.startswith("is ") else field + sentence
    assert refusal(asked_of, asked) == (field, said)


def test_a_number_beyond_all_numbers_is_out_of_range() -> None:
    """An integer that no float can hold is refused like any other."""
    field, sentence = refusal(LIGHT, State(brightness=10**400))
    assert field == "state.brightness"
    assert sentence.endswith("; it must be between 0 and 100 %.")


@given(states(WRITABLE, least=1))
def test_what_is_in_range_is_taken(asked: State) -> None:
    """A device that can do everything may be asked for everything that can be asked."""
    check(EVERYTHING, asked)


@given(st.sampled_from(sorted(RANGES)), st.data())
def test_what_is_out_of_range_is_not(name: str, data: st.DataObject) -> None:
    """Below, above, endless or no number at all: the field is named."""
    least, most = RANGES[name]
    outside = st.one_of(
        st.floats(max_value=least, exclude_max=True),
        st.floats(min_value=most, exclude_min=True),
        st.just(math.nan),
    )
    asked: dict[str, Any] = {name: data.draw(outside)}
    field, sentence = refusal(EVERYTHING, State(**asked))
    assert field == f"state.{spoken(name)}"
    assert sentence.startswith(f"{field} is ")


@given(st.sets(st.sampled_from(Capability)), st.sampled_from(sorted(VALUES)), st.data())
def test_a_device_takes_what_it_can_do(
    able: set[Capability], name: str, data: st.DataObject
) -> None:
    """One attribute is taken exactly where it can be written and the device has it."""
    asked_of, asked = device(*able), State(**{name: data.draw(VALUES[name])})
    if name in WRITABLE and TABLE[name].capability in able:
        check(asked_of, asked)
    else:
        assert refusal(asked_of, asked)[0] == f"state.{spoken(name)}"
