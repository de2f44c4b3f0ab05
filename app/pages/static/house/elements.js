// Making elements. Names of devices are strangers' words: they only ever become text.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = new URL("./icons.svg", import.meta.url).pathname;

// h("button", { class: "a", "aria-pressed": true, onclick: f }, "text", element, …)
export function h(name, given = {}, ...children) {
  return filled(document.createElement(name), given, children);
}

export function svg(name, given = {}, ...children) {
  return filled(document.createElementNS(SVG, name), given, children);
}

function filled(element, given, children) {
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `${ICONS}#${name}` }));
}

export function button(text, press, more = {}) {
  return h("button", { type: "button", class: "button", onclick: press, ...more }, text);
}

export const unseen = (text) => h("span", { class: "unseen" }, text);

let last = 0;
export const newId = (what) => `${what}-${(last += 1)}`;
