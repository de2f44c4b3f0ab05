// One device: what it says, what it can be asked for, and how commands to it are going.

import { isOpen } from "./commands.js";
import { controlsFor, css, toggle } from "./controls.js";
import { h, icon, newId } from "./elements.js";
import { drawer } from "./sandbox.js";
import { headline, readings, stateWords, statusWords } from "./words.js";

const PRAISE = 6_000;

// `acts`: control(device, state), and simulate(device, input, words) where that is allowed.
export function tile(device, acts) {
  const ask = (state) => acts.control(device, state);
  const title = newId("device");
  const name = h("h3", { id: title });
  const state = h("p", { class: "state", "data-testid": "state" });
  const measured = h("p", { class: "readings muted" });
  const status = h("p", { class: "status", "data-testid": "command" });
  const disc = h("span", { class: "disc" }, icon(iconOf(device)));
  const power = device.capabilities.includes("ON_OFF") ? toggle(device, ask) : undefined;
  const controls = controlsFor(device, ask);
  const head = h("div", { class: "head" }, disc, h("div", { class: "what" }, name, state), power?.element);
  const drawerOf = acts.simulate ? drawer(device, (input, words) => acts.simulate(device, input, words)) : undefined;
  const element = h(
    "article",
    { class: "tile", "aria-labelledby": title, "data-device-id": device.id, "data-testid": "tile" },
    head, measured, ...controls.map((one) => one.element), status, drawerOf,
  );
  let records = [];
  let forget;

  function paint() {
    const asked = Object.assign({}, ...records.filter(isOpen).map((one) => one.desired));
    const said = (field) => device.state[field] ?? undefined;
    name.textContent = device.name;
    state.textContent = device.online ? headline(device.state) : `Offline, was ${headline(device.state).toLowerCase()}`;
    const more = readings(device.state);
    measured.textContent = more.map(([what, value]) => `${what}\u00a0${value}`).join(" · ");
    measured.hidden = more.length === 0;
    power?.show(said("on"), asked.on);
    for (const { field, show: draw } of controls) draw(said(field), asked[field], device.state);
    element.dataset.online = String(device.online);
    element.dataset.lit = String(device.online && lit(device.state));
    const { brightness, color } = device.state;
    element.style.setProperty("--glow", String(0.35 + 0.65 * ((brightness ?? 100) / 100)));
    if (color) element.style.setProperty("--light", css(color));
  }

  function flash() {
    element.classList.remove("changed");
    void element.offsetWidth; // so that the animation starts anew
    element.classList.add("changed");
  }

  // A device as it was read or carried by an event; `quietly` where nothing has changed.
  function show(newer, quietly = false) {
    Object.assign(device, newer);
    paint();
    if (!quietly) flash();
  }

  function command(record) {
    records = records.filter((one) => one !== record && one.id !== record.id && isOpen(one));
    records.push(record);
    clearTimeout(forget);
    status.dataset.status = record.status;
    status.replaceChildren(
      h("code", { "data-testid": "status" }, record.status),
      ` ${stateWords(record.desired)}: ${statusWords(record.status, record.error)}`,
    );
    if (record.status === "CONFIRMED") forget = setTimeout(() => status.replaceChildren(), PRAISE);
    paint();
  }

  // What was under way has ended, by a read that found nothing pending; how, was missed.
  function settle() {
    if (!records.some(isOpen)) return;
    records = [];
    status.replaceChildren();
    paint();
  }

  paint();
  return { element, device, show, command, settle };
}

// Sensors look alike but for what they sense.
function iconOf({ kind, capabilities }) {
  if (kind !== "SENSOR") return kind;
  if (capabilities.includes("CONTACT")) return "CONTACT";
  return capabilities.includes("TEMPERATURE") ? "THERMOSTAT" : "SENSOR";
}

const lit = (state) => Boolean(state.on || state.motion || state.contact === false || state.locked === false);
