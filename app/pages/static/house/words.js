// States, changes and commands in words and units.

const round = (value) => String(Math.round(value * 10) / 10);
const GAP = "\u00a0"; // a number and its unit stay on one line
const amount = (unit) => (value) => `${round(value)}${GAP}${unit}`;
const HUES = ["red", "orange", "yellow", "green", "green", "turquoise", "cyan", "blue", "blue", "violet", "magenta", "pink"];

export function colorName({ hue, saturation }) {
  if (saturation < 8) return "white";
  const name = HUES[Math.round(hue / 30) % HUES.length];
  return saturation < 45 ? `pale ${name}` : name;
}

// Per field of DeviceState: its name, how a value is said, and, for yes and no, how a change is.
const FIELDS = {
  locked: { name: "lock", say: (v) => (v ? "locked" : "unlocked"), whole: true },
  motion: { name: "motion", say: (v) => (v ? "motion" : "no motion"), whole: true },
  contact: { name: "contact", say: (v) => (v ? "closed" : "open"), whole: true },
  position: { name: "position", say: amount("%") },
  on: { name: "switch", say: (v) => (v ? "on" : "off"), whole: true },
  brightness: { name: "brightness", say: amount("%") },
  color: { name: "colour", say: (v) => `${colorName(v)} (${round(v.hue)}°, ${round(v.saturation)}${GAP}%)` },
  colorTemperature: { name: "white", say: amount("K") },
  fanSpeed: { name: "fan speed", say: amount("%") },
  targetTemperature: { name: "target", say: amount("°C") },
  temperature: { name: "temperature", say: amount("°C") },
  humidity: { name: "humidity", say: amount("%") },
  power: { name: "power", say: amount("W") },
  energy: { name: "energy", say: (v) => `${Math.round(v * 100) / 100}${GAP}kWh` },
  battery: { name: "battery", say: amount("%") },
};

const HEADLINES = ["locked", "motion", "contact", "position", "on", "temperature", "humidity", "power", "energy", "battery"];
const READINGS = ["temperature", "humidity", "power", "energy", "battery", "motion", "contact"];

const has = (state, field) => state[field] !== null && state[field] !== undefined;
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const say = (field, value) => FIELDS[field].say(value);

// "brightness 40 %, on"
export function stateWords(state) {
  const fields = Object.keys(FIELDS).filter((field) => has(state, field));
  return fields.map((field) => value(field, state)).join(", ") || "nothing";
}

function value(field, state) {
  const { name, say: words, whole } = FIELDS[field];
  return whole ? words(state[field]) : `${name} ${words(state[field])}`;
}

// "brightness 60 → 40 %, on"
export function changeWords({ changed, state, previous }) {
  return changed.filter((field) => FIELDS[field]).map((field) => change(field, state, previous)).join(", ");
}

function change(field, state, previous) {
  const { name, say: words, whole } = FIELDS[field];
  if (!has(state, field)) return `${name} unknown`;
  if (whole || !has(previous, field)) return value(field, state);
  const [before, after] = [words(previous[field]), words(state[field])];
  if (before === after) return value(field, state);
  const unit = after.slice(after.lastIndexOf(GAP));
  const short = field !== "color" && before.endsWith(unit) ? before.slice(0, -unit.length) : before;
  return `${name} ${short} → ${after}`;
}

export function headline(state) {
  const field = HEADLINES.find((one) => has(state, one));
  if (!field) return "No reading yet";
  if (field === "position") return position(state.position);
  if (field === "on" && state.on && has(state, "brightness")) return `On, ${say("brightness", state.brightness)}`;
  return capital(say(field, state[field]));
}

function position(percent) {
  if (percent === 0) return "Closed";
  return percent === 100 ? "Open" : `Open ${percent}${GAP}%`;
}

// What it measures besides its headline: [["Power", "51.1 W"], …]
export function readings(state) {
  const shown = HEADLINES.find((one) => has(state, one));
  return READINGS.filter((field) => field !== shown && has(state, field)).map((field) => [capital(FIELDS[field].name), say(field, state[field])]);
}

const STATUS = {
  ASKED: "sending",
  ACCEPTED: "accepted, waits to be sent",
  DISPATCHED: "sent to the device",
  ACKNOWLEDGED: "the device took it",
  CONFIRMED: "the device itself reports it",
  REJECTED: "it was refused",
  TIMED_OUT: "no confirmation in time",
  SUPERSEDED: "a newer command took over",
  CANCELLED: "it was cancelled",
};

export const statusWords = (status, error) => error?.message ?? STATUS[status] ?? status;
