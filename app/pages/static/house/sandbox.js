// What a simulated home can be made to do besides commands: hands, weather and faults.

import { button, h, newId, unseen } from "./elements.js";

const SECONDS = 30;
const LOOK = 20_000;
const FAULTS = [
  ["OFFLINE", "Drop off"],
  ["SLOW", "Answer slowly"],
  ["REFUSE", "Refuse commands"],
  ["WRONG_STATE", "Do something else"],
  ["DUPLICATE", "Report twice"],
  ["OUT_OF_ORDER", "Report out of order"],
];
const PACES = [
  ["Pause", { speed: 0 }],
  ["Resume", { speed: 1 }],
  ["+1 min", { stepSeconds: 60 }],
  ["×10", { speed: 10 }],
  ["×100", { speed: 100 }],
];

// By capability: buttons that change what the device reports, as people and weather would.
const HANDS = {
  ON_OFF: ({ on }) => [["Press the switch", { on: !on }]],
  POSITION: () => [["Push it open", { position: 100 }], ["Pull it shut", { position: 0 }]],
  LOCK: ({ locked }) => [["Turn the key", { locked: !locked }]],
  MOTION: () => [["Walk past", { motion: true }], ["Go away", { motion: false }]],
  CONTACT: () => [["Open it", { contact: false }], ["Close it", { contact: true }]],
  BATTERY: () => [["Drain the battery", { battery: 4 }]],
};

// A drawer for one tile; it is filled when it is first opened. `simulate(input, words)` does it, and
// resolves to `{ wrong }` where it could not.
export function drawer(device, simulate) {
  const body = h("div", { class: "drawer" });
  const summary = h("summary", {}, "Make something happen", unseen(` to ${device.name}`));
  const element = h("details", { class: "sandbox", "data-testid": "sandbox" }, summary, body);
  element.addEventListener("toggle", () => {
    if (!element.open || body.firstChild) return;
    const note = h("p", { class: "note" });
    async function noted(input, words) {
      const { wrong } = await simulate(input, words);
      note.dataset.wrong = String(Boolean(wrong));
      note.textContent = wrong ?? `Done: ${words}.`;
    }
    body.append(...groups(device, noted), note);
  });
  return element;
}

function groups(device, simulate) {
  const act = (text, input, words) =>
    button(text, () => simulate(typeof input === "function" ? input() : input, words), { "data-testid": "simulate" });
  const hands = device.capabilities.flatMap((capability) =>
    (HANDS[capability]?.(device.state) ?? []).map(([text], at) =>
      act(text, () => ({ report: HANDS[capability](device.state)[at][1] }), text.toLowerCase()),
    ),
  );
  const reach = [
    act("Take offline", { online: false }, "go offline"),
    act("Bring back", { online: true }, "come back online"),
  ];
  const faults = FAULTS.map(([fault, text]) => act(text, { fault, faultSeconds: SECONDS }, `${text.toLowerCase()} for ${SECONDS} s`));
  const heal = act("Heal", { fault: "NONE" }, "well again");
  return [
    hands.length > 0 && group("By hand", hands),
    device.capabilities.includes("TEMPERATURE") && weather("temperature", "Temperature in °C", device, simulate),
    device.capabilities.includes("HUMIDITY") && weather("humidity", "Humidity in %", device, simulate),
    group("Reach", reach),
    group(`Faults, for ${SECONDS} s of its time`, [...faults, heal]),
  ].filter(Boolean);
}

function group(name, buttons) {
  return h("fieldset", {}, h("legend", {}, name), h("div", { class: "buttons" }, ...buttons));
}

function weather(field, label, device, simulate) {
  const id = newId(field);
  const input = h("input", { id, type: "number", step: "any", required: true, value: device.state[field] ?? 20, "data-testid": `set-${field}` });
  const set = h("button", { class: "button" }, "Set");
  const form = h("form", { class: "weather" }, h("label", { for: id }, label), input, set);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    simulate({ report: { [field]: Number(input.value) } }, `measure ${input.value}`);
  });
  return form;
}

// The buttons for the time of the home, which somebody else may change as well. `pace(input)` and
// `read()` resolve to what it is then, `zone()` says where. Returns how to end it.
export function clock(place, { pace, read, zone }) {
  const now = h("output", { class: "muted", "data-testid": "home-time" });
  let known;
  const buttons = PACES.map(([text, input]) => {
    const one = button(text, async () => show(await pace(input)), { "data-testid": "pace" });
    if ("speed" in input) one.setAttribute("aria-pressed", "false");
    return [one, input];
  });

  function show(time) {
    if (!time) return;
    known = { at: Date.parse(time.now), speed: time.speed, since: performance.now() };
    tick();
    for (const [one, { speed }] of buttons) if (speed !== undefined) one.setAttribute("aria-pressed", String(speed === time.speed));
  }

  function tick() {
    if (!known) return;
    const { at, speed, since } = known;
    const there = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone() });
    const words = `${there.format(at + (performance.now() - since) * speed)} there, ${speed === 0 ? "held" : `×${speed}`}`;
    if (now.textContent !== words) now.textContent = words;
  }

  async function look() {
    if (document.visibilityState === "visible") show(await read());
  }

  place.replaceChildren(h("span", { class: "muted" }, "Time"), ...buttons.map(([one]) => one), now);
  const timers = [setInterval(tick, 1_000), setInterval(look, LOOK)];
  look();
  return () => timers.forEach(clearInterval);
}
