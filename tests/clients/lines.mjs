// How a test speaks with one of the programs here: a JSON line each, in and out.
//
// In: {id, does: "ask" | "watch" | "stop", query, variables}, and {does: "token", token}, which
// answers {wants: "token"}. Out: {id, result}, {id, error}, {id, complete}. A program ends with its
// standard input.

import { createInterface } from "node:readline";

const waiting = [];
const early = [];
let act = (told) => early.push(told);

export const say = (line) => console.log(JSON.stringify(line));

// The app's own way to a token that holds.
export const token = () =>
  new Promise((told) => {
    waiting.push(told);
    say({ wants: "token" });
  });

// `ask` answers once, `watch` tells a sink and returns its end, `shown` is an error as the client's
// API gives it to an app.
export const serve = ({ ask, watch, shown }) => {
  const ends = new Map();
  act = ({ id, does, ...asked }) => {
    const next = (result) => say({ id, result });
    const error = (error) => say({ id, error: shown(error) });
    const complete = () => say({ id, complete: true });
    if (does === "ask") ask(asked).then(next, error);
    if (does === "watch") ends.set(id, watch(asked, { next, error, complete }));
    if (does === "stop") ends.get(id)();
  };
  early.forEach(act);
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const told = JSON.parse(line);
    if (told.does === "token") waiting.shift()(told.token);
    else act(told);
  })
  .on("close", () => process.exit());
