// Every GraphQL document of this page, exactly as it is sent and shown.

const STATE = `
fragment State on DeviceState {
  on brightness color { hue saturation } colorTemperature
  position fanSpeed locked targetTemperature
  temperature humidity motion contact battery power energy
}`;

const TILE = `
fragment Tile on Device {
  id name kind capabilities online
  room { id name }
  state { ...State }
  pendingCommand { id status desired { ...State } }
}`;

export const HOMES = `query Homes($after: String) {
  viewer { scopes }
  homes(first: 100, after: $after) {
    nodes { id name }
    pageInfo { hasNextPage endCursor }
  }
}`;

export const DEVICES = `query Devices($homeId: ID!, $after: String) {
  home(id: $homeId) {
    name
    timeZone
    rooms { id name }
    devices(first: 100, after: $after) {
      totalCount
      nodes { ...Tile }
      pageInfo { hasNextPage endCursor }
    }
  }
}
${TILE}
${STATE}`;

export const EVENTS = `subscription Events($homeId: ID!, $after: String) {
  events(filter: { homeId: $homeId }, after: $after) {
    __typename
    id
    occurredAt
    causedBy { id }
    ... on DeviceStatusChanged {
      device { id name }
      changed
      state { ...State }
      previous { ...State }
    }
    ... on DeviceAvailabilityChanged { device { id name } online }
    ... on CommandUpdated {
      command {
        id
        status
        device { id name }
        desired { ...State }
        error { code message }
      }
    }
    ... on DeviceAdded { device { ...Tile } }
    ... on DeviceUpdated { device { ...Tile } }
    ... on DeviceRemoved { device { id name } }
  }
}
${TILE}
${STATE}`;

export const CONTROL = `mutation Control($input: ControlDeviceInput!) {
  controlDevice(input: $input) {
    id
    status
    error { code message }
    deadline
  }
}`;

export const COMMAND = `query Command($id: ID!) {
  command(id: $id) {
    id
    status
    error { code message }
    completedAt
  }
}`;

export const SIMULATE = `mutation Simulate($input: SimulateDeviceInput!) {
  simulateDevice(input: $input) { id name online }
}`;

export const PACE = `mutation Pace($input: SimulateTimeInput!) {
  simulateTime(input: $input) { now speed }
}`;
