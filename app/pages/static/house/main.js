// The page: loads a home, follows it live, and joins tiles, commands and the list.

import { api, Ended, fault } from "./api.js";
import { commands } from "./commands.js";
import { DEVICES, HOMES, PACE, SIMULATE } from "./documents.js";
import { h } from "./elements.js";
import { log as events } from "./log.js";
import { plan as floors } from "./plan.js";
import { clock } from "./sandbox.js";
import { socket } from "./socket.js";
import { changeWords, headline, stateWords, statusWords } from "./words.js";

const facts = JSON.parse(document.getElementById("facts").textContent);
const $ = (id) => document.getElementById(id);
const [PAGES_AT_ONCE, RETRY] = [2, 3_000];
const LIVE = { connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…", ended: "Not live: reload the page" };

const ask = api(facts);
const log = events(facts, { list: $("events"), quiet: $("quiet"), hold: $("hold"), clear: $("clear"), latest: $("latest") });
const orders = commands(ask, log, commandChanged);
const acts = { control: orders.give, simulate: undefined };
const plan = floors($("plan"), acts);
const watch = socket(facts, { state: liveChanged, event: happened, gap: () => reload() });
let home = { id: facts.homeId, name: "", next: null, total: 0 };
let [unwatch, timeGone] = [() => {}, () => {}];
let early = [];

const trouble = (words) => {
  $("trouble").hidden = !words;
  $("trouble").textContent = words ?? "";
};
const announce = (words) => {
  $("said").textContent = words;
};

function liveChanged(state) {
  if ($("live").dataset.state === state) return;
  $("live").dataset.state = state;
  $("live").textContent = LIVE[state];
  if (state === "ended") trouble("Access to this house has ended. Reload the page to get in again.");
}

function commandChanged(deviceId, record) {
  plan.tile(deviceId)?.command(record);
  if (record.own && record.status !== "ASKED" && record.status !== "ACCEPTED") {
    announce(`${record.name}: ${stateWords(record.desired)}, ${statusWords(record.status, record.error)}`);
  }
}

// Asks until it is answered; says so while it is not.
async function answered(query, variables) {
  for (;;) {
    try {
      const answer = await ask(query, variables);
      if (!answer.data) throw new Error(fault(answer));
      trouble();
      return answer.data;
    } catch (error) {
      if (error instanceof Ended) liveChanged("ended");
      if (error instanceof Ended) throw error;
      trouble(`${error.message} Trying again…`);
      await new Promise((done) => setTimeout(done, RETRY));
    }
  }
}

async function start() {
  const homes = [];
  let page = { endCursor: null, hasNextPage: true };
  while (page.hasNextPage) {
    const data = await answered(HOMES, { after: page.endCursor });
    homes.push(...data.homes.nodes);
    page = data.homes.pageInfo;
    if (data.viewer.scopes.includes("sandbox:control")) acts.simulate = simulate;
  }
  if (homes.length === 0) {
    $("plan").replaceChildren(h("p", { class: "empty" }, "No home is shared with this page."));
    $("plan").removeAttribute("aria-busy");
    return;
  }
  $("home").replaceChildren(...homes.map(({ id, name }) => h("option", { value: id }, name)));
  $("home").value = homes.some(({ id }) => id === facts.homeId) ? facts.homeId : homes[0].id;
  $("home").disabled = false;
  $("home").addEventListener("change", () => enter($("home").value));
  $("more").addEventListener("click", () => load(home, 1));
  await enter($("home").value);
}

async function enter(id) {
  unwatch();
  home = { id, name: "", next: null, total: 0 };
  log.empty();
  plan.clear();
  $("plan").setAttribute("aria-busy", "true");
  timeGone();
  if (acts.simulate) {
    const time = { pace: (input) => pace({ homeId: id, ...input }), read: () => timeOf(id), zone: () => home.timeZone };
    timeGone = clock($("time"), time);
  }
  $("time").hidden = !acts.simulate;
  // Watched before it is read, so that what changes between the two is not missed.
  early = [];
  unwatch = watch(id);
  await load(home, PAGES_AT_ONCE);
}

// Reads pages of devices into the plan: a home of thousands is not drawn at once.
async function load(of, pages) {
  const entered = plan.size() === 0;
  early ??= [];
  for (let page = 0; page < pages; page += 1) {
    const data = await answered(DEVICES, { homeId: of.id, after: of.next });
    if (of !== home || !data.home) return;
    if (plan.size() === 0) $("plan").replaceChildren();
    const { rooms, devices, name, timeZone } = data.home;
    if (!of.next) rooms.forEach(plan.room);
    Object.assign(of, { name, timeZone, next: devices.pageInfo.endCursor, total: devices.totalCount });
    for (const device of devices.nodes) {
      plan.put(device);
      if (device.pendingCommand) orders.heard(device.pendingCommand, device);
      else plan.tile(device.id).settle();
    }
    if (!devices.pageInfo.hasNextPage) of.next = null;
    if (!of.next) break;
  }
  plan.arrange();
  if (entered) plan.order();
  frame();
  const late = early ?? [];
  early = undefined;
  for (const event of late) apply(event);
}

function frame() {
  const shown = plan.size();
  document.title = `${home.name} · Latchkey`;
  $("title").textContent = home.name;
  $("count").textContent = shown < home.total ? `${shown} of ${home.total} devices` : `${shown} device${shown === 1 ? "" : "s"}`;
  $("more").hidden = !home.next;
  $("more").textContent = `Show ${Math.min(100, home.total - shown)} more`;
  $("plan").removeAttribute("aria-busy");
  if (shown > 0) return;
  plan.clear();
  $("plan").replaceChildren(h("p", { class: "empty" }, "This home has no devices yet."));
}

// What is shown may be out of date: read as much of it again.
async function reload() {
  const pages = Math.max(1, Math.ceil(plan.size() / 100));
  home = { ...home, next: null };
  early = [];
  await load(home, pages);
}

function happened(event, told) {
  const { command, device } = event;
  if (command) orders.heard(command, command.device);
  const name = (device ?? command?.device ?? home).name;
  const because = log.event(event.__typename, event.occurredAt, name, inWords(event), told);
  for (const { id } of command ? [command] : event.causedBy) orders.explain(id, because);
  if (early) early.push(event);
  else apply(event);
}

function apply(event) {
  const { __typename: type, device } = event;
  if (type === "DeviceStatusChanged") plan.tile(device.id)?.show({ state: event.state });
  if (type === "DeviceAvailabilityChanged") plan.tile(device.id)?.show({ online: event.online });
  if (type === "DeviceUpdated" && plan.tile(device.id)) plan.put(device);
  if (type === "DeviceAdded" && !plan.tile(device.id)) {
    if (plan.size() === 0) $("plan").replaceChildren();
    home.total += 1;
    plan.put(device);
  }
  if (type === "DeviceRemoved") {
    home.total -= 1;
    plan.remove(device.id);
  }
  if (type === "HomeUpdated") reload();
  if (["DeviceAdded", "DeviceUpdated", "DeviceRemoved"].includes(type)) {
    plan.arrange();
    frame();
  }
}

function inWords(event) {
  const { device, command } = event;
  switch (event.__typename) {
    case "DeviceStatusChanged":
      return changeWords(event);
    case "DeviceAvailabilityChanged":
      return event.online ? "back online" : "offline";
    case "CommandUpdated":
      return `command ${command.status}: ${stateWords(command.desired)}${command.error ? `. ${command.error.message}` : ""}`;
    case "DeviceAdded":
      return `added, ${headline(device.state).toLowerCase()}`;
    case "DeviceUpdated":
      return "renamed, moved or described anew";
    case "DeviceRemoved":
      return "removed";
    default:
      return "rooms or members changed";
  }
}

// A request of the sandbox: in the list, with how it went. Its data, or what was wrong in words.
async function shown(before, name, words, query, variables) {
  const row = log.request(before, name, words, query, variables);
  try {
    const answer = await ask(query, variables);
    row.answered(answer);
    const wrong = fault(answer);
    row.step(wrong ? "ERROR" : "DONE", wrong ?? "it happened", "answer");
    if (wrong) announce(wrong);
    return wrong ? { wrong } : { data: answer.data };
  } catch (error) {
    row.step("ERROR", error.message, "answer");
    announce(error.message);
    return { wrong: error.message };
  }
}

const simulate = (device, input, words) => shown("You made", device.name, ` ${words}`, SIMULATE, { input: { deviceId: device.id, ...input } });

// What time it is in a home, without a row in the list; undefined where that cannot be known now.
async function timeOf(homeId) {
  try {
    return (await ask(PACE, { input: { homeId } })).data?.simulateTime;
  } catch {
    return undefined;
  }
}

async function pace(input) {
  const words = input.stepSeconds ? "a minute later" : input.speed ? `live at ×${input.speed}` : "hold still";
  return (await shown("You made", home.name, ` ${words}`, PACE, { input })).data?.simulateTime;
}

start().catch((error) => trouble(error.message));
