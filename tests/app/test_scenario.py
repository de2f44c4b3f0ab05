"""Scenario files: what they say, and what is said of those that say nothing that can happen."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from app.scenario import Cue, cues, read
from core.domain.devices import Capability, Color, Device, DeviceKind, State
from core.domain.errors import Invalid
from core.domain.homes import Home
from core.domain.sandbox import DeviceFault, Pacing, Simulation

NOW = datetime(2026, 11, 20, 18, tzinfo=UTC)
EVENING = """
name: An evening
steps:
  - at: 12
    device: Front door
    report: { locked: false }
  - { at: 15.5, device: Lamp, fault: OFFLINE, faultSeconds: 30 }
  - { at: 20, device: Lamp, report: { on: true, color: { hue: 30, saturation: 80 } } }
  - { at: 21, home: Flat, device: Kettle, online: false }
  - { at: 60, speed: 100 }
"""


def device(home: Home, name: str, *capabilities: Capability) -> Device:
    """A device of a home, called that."""
    kind = DeviceKind.LIGHT
    made = f"device_{name.lower().replace(' ', '')}"
    return Device(
        made, home, None, name, kind, capabilities, online=True, state=State(), updated_at=NOW
    )


HOUSE, FLAT = Home("home_1", "House", "UTC"), Home("home_2", "Flat", "UTC")
HOMES = {
    "House": (
        HOUSE,
        [
            device(HOUSE, "Front door", Capability.LOCK),
            device(HOUSE, "Lamp", Capability.ON_OFF, Capability.COLOR),
        ],
    ),
    "Flat": (FLAT, [device(FLAT, "Kettle", Capability.ON_OFF)]),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the scenario stands."""
    return tmp_path / "evening.yaml"


def test_a_scenario_is_read(file: Path) -> None:
    """Names become ids; the first home is meant where none is named."""
    file.write_text(EVENING)
    color = State(on=True, color=Color(30, 80))
    assert cues(read(file), HOMES) == [
        Cue("home_1", 12, Simulation("device_frontdoor", State(locked=False))),
        Cue("home_1", 15.5, Simulation("device_lamp", fault=DeviceFault.OFFLINE, fault_seconds=30)),
        Cue("home_1", 20, Simulation("device_lamp", color)),
        Cue("home_2", 21, Simulation("device_kettle", online=False)),
        Cue("home_1", 60, Pacing("home_1", 100)),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps: [", "it is no YAML"),
        ("[]", "the file: input should be a valid dictionary"),
        ("steps: []", "steps: list should have at least 1 item"),
        ("steps: [{at: 1, devcie: Lamp}]", "steps.1.devcie: extra inputs"),
        ("steps: [{at: -1, speed: 1}]", "steps.1.at: input should be greater"),
        ("steps: [{at: 1, device: Lamp, report: {onn: true}}]", "steps.1.report.onn: extra inputs"),
        ("steps: [{at: 1, device: Lamp, fault: BROKEN}]", "'NONE', 'OFFLINE'"),
        ("steps: [{at: 1, device: Lamp}]", "Step 1 of 'A scenario': Nothing is to happen"),
        ("steps: [{at: 1, device: Door, online: true}]", "no device 'Door', only Front door, Lamp"),
        ("steps: [{at: 1, home: Barn, speed: 1}]", "there is no home 'Barn', only House, Flat"),
        ("steps: [{at: 1, online: true}]", "not at which device"),
        ("steps: [{at: 1, device: Lamp, speed: 2}]", "leave the device out"),
        ("steps: [{at: 1, device: Lamp, report: {locked: true}}]", "Lamp has no locked"),
        ("steps: [{at: 1, device: Lamp, device: Lamp}]", "'device' stands there twice"),
        (
            "steps: [{at: 1, device: Lamp, report: {on: yes}}]",
            "report.on: input should be a",
        ),
        ("steps: [{at: 1, device: Lamp, report: {on: 1}}]", "report.on: input should be a"),
        ("steps: [{at: 1, device: Lamp, report: {brightness: true}}]", "should be a valid integer"),
        ("steps: [{at: 1:30, speed: 1}]", "steps.1.at: input should be a valid number"),
        ("steps: [{at: 0010, speed: 1}]", "steps.1.at: input should be a valid number"),
        ("steps: [{at: true, speed: 1}]", "steps.1.at: input should be a valid number"),
        ("steps: [{at: 1, speed: 101}]", "speed is 101; it must be between 0 and 100"),
    ],
)
def test_a_scenario_that_cannot_be_followed(file: Path, text: str, words: str) -> None:
    """It is refused whole; the sentence names the file or the step, and what is wrong."""
    file.write_text(text)
    with pytest.raises(Invalid) as refused:
        cues(read(file), HOMES)
    assert words in str(refused.value)


def test_a_file_that_is_not_there(file: Path) -> None:
    """The sentence names it."""
    with pytest.raises(Invalid, match=r"evening\.yaml cannot be read: No such file"):
        read(file)


def test_yaml_makes_no_objects(file: Path) -> None:
    """A tag that would run code is no YAML to us."""
    file.write_text("steps: !!python/object/apply:os.getcwd []")
    with pytest.raises(Invalid, match="it is no YAML"):
        read(file)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_whatever_stands_in_the_file(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    """It is a scenario or refused; nothing else comes out."""
    path = tmp_path_factory.mktemp("any") / "any.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    with pytest.raises(Invalid):
        read(path)
