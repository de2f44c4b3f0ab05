// The dial of a thermostat: three quarters of a circle from 5 to 35 °C.

import { button, h, svg } from "./elements.js";

const [COLDEST, WARMEST, STEP] = [5, 35, 0.5];
const [MIDDLE, RADIUS] = [60, 48];
const [FROM, SWEEP] = [135, 270];
const SETTLE = 600;
const KEYS = { ArrowUp: STEP, ArrowRight: STEP, ArrowDown: -STEP, ArrowLeft: -STEP, PageUp: 2, PageDown: -2, Home: -100, End: 100 };

const bounded = (value) => Math.min(WARMEST, Math.max(COLDEST, Math.round(value / STEP) * STEP));
const angle = (value) => FROM + (SWEEP * (Math.min(WARMEST, Math.max(COLDEST, value)) - COLDEST)) / (WARMEST - COLDEST);
const degrees = (value) => (Math.round(value * 10) / 10).toFixed(1);

function point(value, radius = RADIUS) {
  const turn = (angle(value) * Math.PI) / 180;
  return [MIDDLE + radius * Math.cos(turn), MIDDLE + radius * Math.sin(turn)].map((at) => at.toFixed(2));
}

function arc(low, high) {
  const large = angle(high) - angle(low) > 180 ? 1 : 0;
  return `M${point(low)} A${RADIUS} ${RADIUS} 0 ${large} 1 ${point(high)}`;
}

export function dial(device, ask) {
  const state = { reported: undefined, asked: undefined, measured: undefined };
  let turning;
  let timer;

  const way = svg("path", { class: "way", d: arc(COLDEST, WARMEST) });
  const reach = svg("path", { class: "reach" });
  const measured = svg("line", { class: "measured" });
  const reported = svg("circle", { class: "reported", r: 4 });
  const handle = svg("circle", { class: "handle", r: 8 });
  const grip = svg("circle", { class: "grip", r: 18 });
  const number = svg("text", { class: "number", x: MIDDLE, y: 62 });
  const note = svg("text", { class: "note", x: MIDDLE, y: 80 });
  const face = svg(
    "svg",
    {
      class: "dial",
      viewBox: "0 0 120 112",
      role: "slider",
      tabindex: "0",
      "aria-label": `Target temperature of ${device.name}`,
      "aria-valuemin": COLDEST,
      "aria-valuemax": WARMEST,
      "data-testid": "targetTemperature",
    },
    way, reach, measured, reported, handle, number, note, grip,
  );

  const shown = () => turning ?? state.asked ?? state.reported ?? 20;

  function turn(value) {
    turning = bounded(value);
    paint();
    clearTimeout(timer);
    timer = setTimeout(() => {
      const wanted = turning;
      turning = undefined;
      ask({ targetTemperature: wanted });
    }, SETTLE);
  }

  function paint() {
    const goal = shown();
    const apart = state.reported !== undefined && goal !== state.reported;
    reach.setAttribute("d", arc(COLDEST, goal));
    const [x, y] = point(goal);
    for (const one of [handle, grip]) {
      one.setAttribute("cx", x);
      one.setAttribute("cy", y);
    }
    const [rx, ry] = point(state.reported ?? goal);
    reported.setAttribute("cx", rx);
    reported.setAttribute("cy", ry);
    const known = state.measured !== undefined;
    measured.classList.toggle("hidden", !known);
    if (known) {
      const [[x1, y1], [x2, y2]] = [point(state.measured, 36), point(state.measured, 41)];
      for (const [key, value] of Object.entries({ x1, y1, x2, y2 })) measured.setAttribute(key, value);
    }
    number.textContent = `${degrees(goal)}°`;
    note.textContent = apart ? `was ${degrees(state.reported)}°` : "target";
    face.classList.toggle("apart", apart);
    face.setAttribute("aria-valuenow", goal);
    const now = known ? `, measured ${degrees(state.measured)} °C` : "";
    face.setAttribute("aria-valuetext", `${degrees(goal)} °C${apart ? " asked for" : ""}${now}`);
  }

  face.addEventListener("keydown", (event) => {
    const by = KEYS[event.key];
    if (by === undefined) return;
    event.preventDefault();
    turn(shown() + by);
  });
  function follow(event) {
    const box = face.getBoundingClientRect();
    const scale = 120 / box.width;
    const [x, y] = [(event.clientX - box.left) * scale - MIDDLE, (event.clientY - box.top) * scale - MIDDLE];
    const from = ((Math.atan2(y, x) * 180) / Math.PI - FROM + 720) % 360;
    const along = from > SWEEP ? (from > (SWEEP + 360) / 2 ? 0 : SWEEP) : from;
    turn(COLDEST + (along / SWEEP) * (WARMEST - COLDEST));
  }
  face.addEventListener("pointerdown", (event) => {
    // A finger that scrolls the page over the dial does not turn it.
    if (event.pointerType === "touch" && event.target !== grip) return;
    face.setPointerCapture(event.pointerId);
    follow(event);
  });
  face.addEventListener("pointermove", (event) => {
    if (face.hasPointerCapture(event.pointerId)) follow(event);
  });

  const press = (text, by, name) =>
    button(text, () => turn(shown() + by), { class: "button round", "aria-label": `${name} ${device.name}`, "data-testid": name.toLowerCase() });
  const cooler = press("−", -STEP, "Cooler");
  const warmer = press("+", STEP, "Warmer");
  return {
    element: h("div", { class: "control thermostat" }, cooler, face, warmer),
    show(value, asked, all) {
      Object.assign(state, { reported: value, asked, measured: all.temperature ?? undefined });
      paint();
    },
  };
}
