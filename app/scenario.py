"""Scenario files: what happens in the demo's homes and when, in YAML.

    steps:
      - at: 12                      # seconds after the start, in the home's own time
        device: Front door          # by its name; `home:` where not the first home is meant
        report: {locked: false}     # as in simulateDevice: report, online, fault, faultSeconds
      - at: 40
        speed: 100                  # as in simulateTime: speed, stepSeconds

A file that cannot be followed is refused whole, with the step and what is wrong in it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails
from yaml.constructor import ConstructorError

from core.domain.devices import ATTRIBUTES, TABLE, Color, Device, State, spoken
from core.domain.errors import Invalid
from core.domain.homes import Home
from core.domain.sandbox import LONGEST_SCRIPT, MOST_STEPS, DeviceFault, Pacing, Simulation

MOST_BYTES: Final = 1_000_000


class Yaml(yaml.SafeLoader):
    """YAML as people mean it: its 1.2 core schema, in which `on` is a name, and no name twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - as the base class has it
        """A mapping, whose names differ."""
        names = [self.construct_object(name, deep=True) for name, _ in node.value]
        twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
        if twice is not None:
            raise ConstructorError(None, None, f"{twice!r} stands there twice", node.start_mark)
        return super().construct_mapping(node, deep)


Yaml.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", "null|Null|NULL|~|", ["n", "N", "~", ""]),
    ("int", "[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    Yaml.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})$"), list(first)
    )


class Known(BaseModel):
    """What takes no field that it does not know, and no other type, so that no slip passes."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Hue(Known):
    """A colour."""

    hue: float
    saturation: float


_HINTS: Final = {**get_type_hints(State), "color": Hue | None}
_FIELDS: Final[dict[str, Any]] = {spoken(name): (_HINTS[name], None) for name in ATTRIBUTES}
Report = create_model("Report", __base__=Known, **_FIELDS)
"""`ReportedStateInput` of the graph, in YAML."""


class Step(Known):
    """One line of a scenario: something at a device, or the time of a home."""

    at: Annotated[float, Field(ge=0, le=LONGEST_SCRIPT)]
    home: str | None = None
    device: str | None = None
    report: Report | None = None  # type: ignore[valid-type]  # made above
    online: bool | None = None
    fault: Annotated[DeviceFault | None, Field(strict=False)] = None
    fault_seconds: Annotated[int, Field(alias="faultSeconds")] = 60
    speed: float | None = None
    step_seconds: Annotated[float, Field(alias="stepSeconds")] = 0.0


class Scenario(Known):
    """A scenario file."""

    name: str = "A scenario"
    steps: Annotated[list[Step], Field(min_length=1, max_length=MOST_STEPS)]


@dataclass(frozen=True, slots=True)
class Cue:
    """What is to happen in a home, so many seconds of its time after the start."""

    home_id: str
    seconds: float
    what: Simulation | Pacing


def read(path: Path) -> Scenario:
    """The scenario in a file.

    Raises:
        Invalid: it cannot be read, is no YAML or no scenario.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise Invalid(f"{path} is larger than {MOST_BYTES} bytes.")
        return Scenario.model_validate(yaml.load(text, Yaml))  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else None
        wrong = "; ".join(map(_problem, problems[:3])) if problems else f"it is no YAML: {error}"
        raise Invalid(f"{path} is no scenario: {wrong}") from error


def cues(scenario: Scenario, homes: Mapping[str, tuple[Home, Sequence[Device]]]) -> list[Cue]:
    """The steps of a scenario in these homes, by their names; the first one is meant if none is.

    Raises:
        Invalid: a step names what is not there, or what can never happen.
    """
    found = []
    for number, step in enumerate(scenario.steps, 1):
        try:
            found.append(_cue(step, homes))
        except Invalid as error:
            raise Invalid(f"Step {number} of {scenario.name!r}: {error}", error.field) from error
    return found


def _cue(step: Step, homes: Mapping[str, tuple[Home, Sequence[Device]]]) -> Cue:
    name = next(iter(homes)) if step.home is None else step.home
    if name not in homes:
        raise Invalid(f"there is no home {name!r}, only {', '.join(homes)}.", "home")
    home, devices = homes[name]
    what = _happening(step, home, devices)
    what.check()
    return Cue(home.id, step.at, what)


def _happening(step: Step, home: Home, devices: Sequence[Device]) -> Simulation | Pacing:
    if step.device is None:
        if step.model_fields_set & {"report", "online", "fault", "fault_seconds"}:
            raise Invalid("it says what happens, but not at which device.", "device")
        return Pacing(home.id, step.speed, step.step_seconds)
    if step.model_fields_set & {"speed", "step_seconds"}:
        raise Invalid("time goes for a whole home: leave the device out.", "speed")
    device = next((one for one in devices if one.name == step.device), None)
    if device is None:
        known = ", ".join(one.name for one in devices)
        raise Invalid(f"{home.name} has no device {step.device!r}, only {known}.", "device")
    report = _state(step.report)
    for attribute in report.values():
        if TABLE[attribute].capability not in device.capabilities:
            raise Invalid(f"{device.name} has no {spoken(attribute)}.", "report")
    return Simulation(
        device_id=device.id,
        report=report if report.values() else None,
        online=step.online,
        fault=step.fault,
        fault_seconds=step.fault_seconds,
    )


def _state(report: Any) -> State:
    values: dict[str, Any] = {name: getattr(report, spoken(name), None) for name in ATTRIBUTES}
    if (hue := values["color"]) is not None:
        values["color"] = Color(hue.hue, hue.saturation)
    return State(**values)


def _problem(detail: ErrorDetails) -> str:
    where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in detail["loc"])
    return f"{where or 'the file'}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
