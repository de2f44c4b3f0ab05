"""The documents that the explorer opens with: list, control, watch, simulate."""

from dataclasses import dataclass
from typing import Any, Final

from app.pages.opening import Opening

LIST: Final = """\
# 1. What was shared with you. Run it: the play
#    button, or Ctrl-Enter. Hover over a field to
#    read what it is; Ctrl-Space suggests more.
query ListDevices {
  homes {
    nodes {
      id
      name
      devices(first: 50) {
        nodes {
          id
          name
          kind
          online
          room { name }
          state {
            on
            brightness
            locked
            temperature
            motion
            contact
            power
          }
        }
      }
    }
  }
}
"""
CONTROL: Final = """\
# 2. Dim a lamp. CONFIRMED means that the lamp
#    itself reported it. Change `brightness` in
#    the variables below, and run it again.
mutation DimTheLamp($lamp: ID!, $brightness: Int!) {
  controlDevice(
    input: {
      deviceId: $lamp
      state: { on: true, brightness: $brightness }
    }
  ) {
    id
    status
    error { code message }
    device {
      name
      state { on brightness }
    }
  }
}
"""
WATCH: Final = """\
# 3. Watch a home live, until you press the button
#    again. Run 2 or 4 meanwhile, and see `causedBy`.
subscription WatchTheHome($home: ID) {
  deviceStatusChanged(homeId: $home) {
    occurredAt
    device { name }
    changed
    state {
      on
      brightness
      locked
      temperature
      motion
      contact
      power
    }
    causedBy { id status }
  }
}
"""
SIMULATE: Final = """\
# 4. Somebody walks past a motion sensor of a
#    simulated home. `online: false` cuts a device
#    off; `fault: REFUSE` makes it refuse.
mutation SomebodyWalksPast($sensor: ID!) {
  simulateDevice(
    input: { deviceId: $sensor, report: { motion: true } }
  ) {
    name
    online
    state { motion battery }
  }
}
"""


@dataclass(frozen=True, slots=True)
class Example:
    """One tab: a document, and variables whose ids are real where they can be."""

    query: str
    variables: dict[str, Any]


def examples(opening: Opening | None) -> list[Example]:
    """The tabs in the order in which a newcomer would try them."""
    lamp = opening.light_id if opening else "an id from tab 1"
    sensor = opening.sensor_id if opening else "an id from tab 1"
    home = {"home": opening.home_id} if opening else {}
    return [
        Example(LIST, {}),
        Example(CONTROL, {"lamp": lamp, "brightness": 40}),
        Example(WATCH, home),
        Example(SIMULATE, {"sensor": sensor}),
    ]
