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

from core.domain.devices import ATTRIBUTES, TABLE, Device, State, spoken
from core.domain.errors import Invalid
from core.domain.homes import Home
from core.domain.sandbox import DeviceFault, Pacing, Simulation

LONGEST: Final = 86_400.0
MOST_STEPS: Final = 10_000
MOST_BYTES: Final = 1_000_000


class Yaml(yaml.SafeLoader):
    """YAML 1.2's idea of a boolean: `on` is an attribute of a lamp, and no other word for true."""


_BOOL: Final = "tag:yaml.org,2002:bool"
Yaml.yaml_implicit_resolvers = {
    first: [one for one in resolvers if one[0] != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Yaml.add_implicit_resolver(_BOOL, re.compile("(?:true|false)$", re.IGNORECASE), list("tTfF"))


class Known(BaseModel):
    """What takes no field that it does not know, so that a slip does not pass unseen."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


_HINTS: Final = get_type_hints(State)
_FIELDS: Final[dict[str, Any]] = {spoken(name): (_HINTS[name], None) for name in ATTRIBUTES}
Report = create_model("Report", __base__=Known, **_FIELDS)
"""`ReportedStateInput` of the graph, in YAML."""


class Step(Known):
    """One line of a scenario: something at a device, or the time of a home."""

    at: Annotated[float, Field(ge=0, le=LONGEST)]
    home: str | None = None
    device: str | None = None
    report: Report | None = None  # type: ignore[valid-type]  # made above
    online: bool | None = None
    fault: DeviceFault | None = None
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
    return State(**{name: getattr(report, spoken(name), None) for name in ATTRIBUTES})


def _problem(detail: ErrorDetails) -> str:
    where = ".".join(str(part + 1 if isinstance(part, int) else part) for part in detail["loc"])
    return f"{where or 'the file'}: {detail['msg'][:1].lower()}{detail['msg'][1:]}"
