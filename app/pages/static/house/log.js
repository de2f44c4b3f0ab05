// The list of what happened and of what this page asked, newest first, each with its GraphQL.

import { button, h, icon } from "./elements.js";

const MOST = 200;
const at = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function log(facts, { list, quiet, hold, clear, latest }) {
  let waiting = [];
  let drawn = true;
  let held = false;
  let reading = false; // held because rows are open, which must neither move nor go

  function add(element) {
    waiting.push(element);
    if (waiting.length > MOST) waiting.shift();
    if (held) hold.textContent = `Go on (${waiting.length} new)`;
    else if (drawn) {
      drawn = false;
      requestAnimationFrame(draw);
    }
  }

  // At a hundred times the usual speed events come faster than a screen shows them.
  function draw() {
    drawn = true;
    if (held) return;
    const newest = waiting.at(-1);
    if (newest) latest.textContent = `↓ ${newest.querySelector(".words").textContent}`;
    list.prepend(...waiting.reverse());
    waiting = [];
    while (list.childElementCount > MOST) list.lastElementChild.remove();
    quiet.hidden = list.childElementCount > 0;
  }

  function setHeld(now) {
    held = now;
    hold.setAttribute("aria-pressed", String(held));
    hold.textContent = held ? "Go on" : "Hold the list";
    draw();
  }

  hold.addEventListener("click", () => {
    reading = false;
    setHeld(!held);
  });

  function opened() {
    const open = list.querySelector("details[open]") !== null;
    if (open === held || (!open && !reading)) return;
    reading = open;
    setHeld(open);
  }

  clear.addEventListener("click", empty);
  function empty() {
    waiting = [];
    list.replaceChildren();
    quiet.hidden = false;
    if (held) hold.textContent = "Go on";
  }

  function row(kind, time, before, name, words, ...extra) {
    const when = h("time", { datetime: time.toISOString() }, at.format(time));
    const text = h("span", { class: "words" }, before, h("strong", {}, name), words);
    const summary = h("summary", {}, icon(kind), when, text, ...extra);
    const body = h("div", { class: "opened" });
    const details = h("details", {}, summary, body);
    const element = h("li", { class: `row ${kind}`, "data-testid": "row", "data-kind": kind }, details);
    details.addEventListener("toggle", opened);
    return { element, details, summary, body };
  }

  // An event that came over the subscription. What it returns is told the request behind it, if ours.
  function event(type, time, name, words, told) {
    const { element, details, summary, body } = row("event", new Date(time), "", name, `: ${words}`);
    let cause;
    element.dataset.type = type;
    details.addEventListener("toggle", () => {
      if (!details.open || body.firstChild) return;
      const again = told.variables.after ? "Run it: this event comes again, then all that followed, then what happens live." : "Run it: what happens from then on comes live.";
      if (cause) body.append(button("Show the request behind it", () => cause.reveal(), { "data-testid": "cause" }));
      body.append(...exchange(facts, "The subscription", told, again));
    });
    add(element);
    return (request) => {
      if (!cause) summary.append(h("span", { class: "why" }, "because you asked"));
      cause = request;
    };
  }

  // Something that this page asked for; the row tells how it went.
  function request(before, name, words, query, variables) {
    const badge = h("code", { class: "badge", "data-testid": "status" }, "ASKED");
    const { element, details, body } = row("request", new Date(), `${before} `, name, words, badge);
    const steps = h("ol", { class: "steps", "data-testid": "steps" });
    const told = { query, variables, answer: undefined };
    let followed;
    function fill() {
      if (!details.open) return;
      const note = variables.input?.idempotencyKey && "The same key gives the same command: change the key to ask anew.";
      body.replaceChildren(steps, ...exchange(facts, "The request", told, note));
      if (followed) body.append(...exchange(facts, "Then asked how it went", followed));
    }
    details.addEventListener("toggle", fill);
    add(element);
    return {
      answered(answer) {
        told.answer = answer;
        fill();
      },
      asked(again, given, answer) {
        const first = !followed;
        followed = { query: again, variables: given, answer };
        if (first) fill();
      },
      step(status, meaning, via) {
        badge.textContent = status;
        element.dataset.status = status;
        const source = { answer: "by the answer", query: "by asking again", event: "by an event" }[via];
        steps.append(h("li", {}, h("code", {}, status), ` ${meaning} `, h("span", { class: "muted" }, `${at.format(new Date())}, ${source}`)));
      },
      reveal() {
        details.open = true;
        details.firstElementChild.focus();
        element.scrollIntoView({ block: "nearest" });
      },
    };
  }

  return { event, request, empty };
}

function exchange(facts, name, { query, variables, answer }, note) {
  const json = (value) => JSON.stringify(value, null, 2);
  const search = new URLSearchParams({ query, variables: json(variables) });
  const open = h("a", { class: "button strong", href: `${facts.explorerUrl}?${search}`, target: "_blank", rel: "noopener", "data-testid": "graphiql" }, "Open in GraphiQL");
  return [
    h("div", { class: "run" }, open, note && h("span", { class: "muted" }, note)),
    block(name, query, "document"),
    block("Variables", json(variables), "variables"),
    answer && block("Answer", json(answer), "answer"),
  ].filter(Boolean);
}

function block(name, text, what) {
  const copy = button("Copy", async () => {
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "Select it by hand";
    }
    setTimeout(() => copy.replaceChildren("Copy"), 2_000);
  }, { "aria-label": `Copy: ${name}`, "data-testid": `copy-${what}` });
  const code = h("pre", { tabindex: "0", role: "group", "aria-label": name, "data-testid": what }, h("code", {}, text));
  return h("div", { class: "block" }, h("div", { class: "line" }, h("h3", {}, name), copy), code);
}
