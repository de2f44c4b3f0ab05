"""The document of endpoints whose partners give none; they read it in `endpoint.document`."""

from typing import Final

DEFAULT: Final = """\
# Everything that happens, and all that most receivers need of it.
# Make it your own: any subscription that runs in GraphiQL will do.
subscription Everything {
  events {
    id
    type
    sequence
    occurredAt
    home { id name timeZone }
    causedBy { id status }
    ... on DeviceStatusChanged {
      device { ...Device }
      changed
      previous { ...Values }
    }
    ... on DeviceAvailabilityChanged {
      device { ...Device }
      online
    }
    ... on DeviceAdded {
      device { ...Device ...Make }
    }
    ... on DeviceUpdated {
      device { ...Device ...Make }
    }
    ... on DeviceRemoved {
      device { ...Device ...Make }
    }
    ... on CommandUpdated {
      command { ...Command }
    }
  }
}

# As it was when the event happened; `state` is what it reported last.
fragment Device on Device {
  id
  name
  kind
  online
  room { id name }
  state { ...Values }
}

fragment Make on Device {
  capabilities
  manufacturer
  model
  firmware
}

fragment Command on Command {
  id
  status
  desired { ...Values }
  error { code message }
  issuedAt
  deadline
  completedAt
  device { ...Device }
}

# Null where the device has no such value.
fragment Values on DeviceState {
  on
  brightness
  color { hue saturation }
  colorTemperature
  position
  fanSpeed
  locked
  temperature
  targetTemperature
  humidity
  motion
  contact
  battery
  power
  energy
}
"""
