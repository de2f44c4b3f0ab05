// The floor plan: rooms with the tiles of their devices.

import { h } from "./elements.js";
import { tile } from "./tile.js";

const ELSEWHERE = "";

export function plan(place, acts) {
  const tiles = new Map();
  const rooms = new Map();

  function clear() {
    tiles.clear();
    rooms.clear();
    place.replaceChildren();
  }

  function room({ id, name }) {
    if (!rooms.has(id)) {
      const heading = h("h2", {}, name);
      const inside = h("div", { class: "tiles" });
      const element = h("section", { class: "room", "aria-label": name, "data-testid": "room", "data-room-id": id }, heading, inside);
      rooms.set(id, { element, inside, heading });
      place.append(element);
    }
    const found = rooms.get(id);
    found.heading.textContent = name;
    found.element.setAttribute("aria-label", name);
    return found;
  }

  // Wide rooms for many devices; rooms that are left without one are not drawn.
  function arrange() {
    for (const { element, inside } of rooms.values()) {
      element.hidden = inside.childElementCount === 0;
      element.dataset.size = String(Math.min(4, inside.childElementCount));
    }
  }

  // Rooms with most in them first. Done once, when a home is entered: later it would move under a hand.
  function order() {
    const size = ({ inside }) => inside.childElementCount;
    place.append(...[...rooms.values()].sort((one, other) => size(other) - size(one)).map(({ element }) => element));
  }

  function put(device) {
    const home = room(device.room ?? { id: ELSEWHERE, name: "Elsewhere" });
    const known = tiles.get(device.id);
    if (known) {
      if (known.element.parentElement !== home.inside) home.inside.append(known.element);
      known.show(device, true);
    } else {
      const made = tile(device, acts);
      tiles.set(device.id, made);
      home.inside.append(made.element);
    }
    return tiles.get(device.id);
  }

  function remove(id) {
    tiles.get(id)?.element.remove();
    tiles.delete(id);
    arrange();
  }

  return { clear, room, arrange, order, put, remove, tile: (id) => tiles.get(id), size: () => tiles.size };
}
