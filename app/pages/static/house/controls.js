// The controls of a device, by what it can do. Each is { element, show(reported, asked) }:
// `reported` is what the device said, `asked` what a command under way wants, undefined for nothing.
// A control never shows what was asked as if it were so: it marks both.

import { dial } from "./dial.js";
import { button, h, newId, unseen } from "./elements.js";
import { colorName } from "./words.js";

// Long enough that held arrow keys are one gesture and one command.
const SETTLE = 350;

const PERCENT = { min: 0, max: 100, step: 1, unit: "%" };
const KELVIN = { min: 1500, max: 9000, step: 100, unit: "K" };

// By capability, in the order in which they are shown: the field of DeviceState, and what makes it.
const CONTROLS = [
  ["LOCK", "locked", lock],
  ["TARGET_TEMPERATURE", "targetTemperature", dial],
  ["BRIGHTNESS", "brightness", dimmer],
  ["COLOR", "color", color],
  ["COLOR_TEMPERATURE", "colorTemperature", (device, ask) => slider({ ...KELVIN, device, field: "colorTemperature", label: "White" }, ask)],
  ["POSITION", "position", blind],
  ["FAN_SPEED", "fanSpeed", (device, ask) => slider({ ...PERCENT, step: 5, device, field: "fanSpeed", label: "Fan speed" }, ask)],
];

export function controlsFor(device, ask) {
  const able = CONTROLS.filter(([capability]) => device.capabilities.includes(capability));
  return able.map(([, field, make]) => ({ field, ...make(device, ask) }));
}

function dimmer(device, ask) {
  return slider({ ...PERCENT, device, field: "brightness", label: "Brightness" }, (state) => ask(lighting(device, state)));
}

// Who dims a lamp that is off wants light.
const lighting = ({ state }, { brightness }) => (state.on === false && brightness > 0 ? { on: true, brightness } : { brightness });

export function toggle(device, ask) {
  const knob = h("button", {
    type: "button",
    class: "toggle",
    role: "switch",
    "aria-checked": "false",
    "aria-label": device.name,
    "data-testid": "switch",
  });
  let now = false;
  knob.addEventListener("click", () => ask({ on: !now }));
  return {
    element: knob,
    show(reported, asked) {
      now = asked ?? reported ?? false;
      knob.setAttribute("aria-checked", String(reported ?? false));
      knob.dataset.asked = asked === undefined || asked === reported ? "" : String(asked);
    },
  };
}

function lock(device, ask) {
  let now;
  const turn = button("", () => ask({ locked: !now }), { class: "button wide", "data-testid": "lock" });
  return {
    element: h("div", { class: "control" }, turn),
    show(reported, asked) {
      now = asked ?? reported ?? false;
      const under = asked !== undefined && asked !== reported;
      turn.replaceChildren(under ? (asked ? "Locking…" : "Unlocking…") : now ? "Unlock" : "Lock", unseen(` ${device.name}`));
    },
  };
}

// A slider over one number. A tick under it stays where the device says that it is.
export function slider({ device, field, label, min, max, step, unit }, ask) {
  const id = newId(field);
  const range = h("input", { type: "range", id, min, max, step, "data-testid": field });
  const value = h("output", { for: id });
  const track = h("div", { class: `track ${field}` }, range, h("i", { class: "tick" }));
  const name = h("label", { for: id }, label, unseen(` of ${device.name}`));
  const held = settling(range, () => ask({ [field]: Number(range.value) }));
  const state = { reported: undefined, asked: undefined };
  const wanted = () => (held.moving ? Number(range.value) : state.asked);

  function paint() {
    const { reported } = state;
    const goal = wanted();
    const known = reported === undefined ? "unknown" : `${reported}`;
    const apart = goal !== undefined && goal !== reported;
    value.textContent = apart ? `${known} → ${goal} ${unit}` : `${known} ${unit}`;
    range.setAttribute("aria-valuetext", apart ? `${goal} ${unit}, reported ${known} ${unit}` : value.textContent);
    track.classList.toggle("apart", apart);
    track.style.setProperty("--reported", share(reported ?? min, min, max));
    track.style.setProperty("--shown", share(Number(range.value), min, max));
  }
  range.addEventListener("input", paint);
  return {
    element: h("div", { class: "control" }, h("div", { class: "line" }, name, value), track),
    show(reported, asked) {
      Object.assign(state, { reported, asked });
      if (!held.moving) range.value = asked ?? reported ?? min;
      paint();
    },
  };
}

const share = (value, min, max) => String(Math.min(1, Math.max(0, (value - min) / (max - min))));

// Calls `done` once a range came to rest; `moving` until then, so that no report moves the thumb.
function settling(range, done) {
  let timer;
  const held = { moving: false };
  range.addEventListener("input", () => {
    held.moving = true;
    clearTimeout(timer);
  });
  range.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      held.moving = false;
      done();
    }, SETTLE);
  });
  return held;
}

function color(device, ask) {
  const parts = { hue: { label: "Hue", max: 360, unit: "°" }, saturation: { label: "Saturation", max: 100, unit: "%" } };
  const state = { reported: undefined, asked: undefined };
  const swatch = h("i", { class: "swatch" });
  const value = h("output", {});
  const rows = Object.entries(parts).map(([part, { label, max, unit }]) => {
    const range = h("input", { type: "range", min: 0, max, step: 1, "data-testid": part, "aria-label": `${label} of ${device.name}` });
    const track = h("div", { class: `track ${part}` }, range, h("i", { class: "tick" }));
    return { part, max, unit, range, track };
  });
  const chosen = () => Object.fromEntries(rows.map(({ part, range }) => [part, Number(range.value)]));
  const held = rows.map(({ range }) => settling(range, () => ask({ color: chosen() })));
  const moving = () => held.some((one) => one.moving);

  function paint() {
    const { reported } = state;
    const goal = moving() ? chosen() : state.asked;
    const apart = Boolean(goal && !(reported && goal.hue === reported.hue && goal.saturation === reported.saturation));
    const shown = chosen();
    value.textContent = [reported ? numbers(reported) : "unknown", apart && numbers(goal)].filter(Boolean).join(" → ");
    swatch.style.background = css(reported ?? shown);
    for (const { part, max, unit, range, track } of rows) {
      range.setAttribute("aria-valuetext", `${range.value} ${unit}, ${colorName(shown)}`);
      track.classList.toggle("apart", apart);
      track.style.setProperty("--reported", share(reported?.[part] ?? 0, 0, max));
      track.style.setProperty("--shown", share(shown[part], 0, max));
      track.style.setProperty("--full", css({ hue: shown.hue, saturation: 100 }));
    }
  }
  for (const { range } of rows) range.addEventListener("input", paint);
  const line = h("div", { class: "line" }, h("span", {}, "Colour"), h("span", { class: "with-swatch" }, value, swatch));
  return {
    element: h("div", { class: "control", role: "group", "aria-label": "Colour" }, line, ...rows.map((row) => row.track)),
    show(reported, asked) {
      Object.assign(state, { reported, asked });
      const shown = asked ?? reported;
      if (!moving() && shown) for (const { part, range } of rows) range.value = shown[part];
      paint();
    },
  };
}

const numbers = ({ hue, saturation }) => `${Math.round(hue)}°\u00a0${Math.round(saturation)}\u00a0%`;

// Hue and saturation of the brightest such light, as CSS says it.
export const css = ({ hue, saturation }) => `hsl(${hue} 100% ${100 - saturation / 2}%)`;

function blind(device, ask) {
  const part = slider({ ...PERCENT, device, field: "position", label: "Position" }, ask);
  let now;
  const press = (text, position) =>
    button(text, () => ask({ position: position() }), { "data-testid": text.toLowerCase(), "aria-label": `${text} ${device.name}` });
  const presses = [press("Open", () => 100), press("Stop", () => now ?? 0), press("Close", () => 0)];
  part.element.append(h("div", { class: "buttons" }, ...presses));
  return {
    element: part.element,
    show(reported, asked) {
      now = reported;
      part.show(reported, asked);
    },
  };
}
