// Events as every peer on Node tells them: of one device, modelled on a message of ours, made when
// a byte comes in on a Unix socket. Values of scalars stay strings.

import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";

import { option } from "./start.mjs";

const { payload } = JSON.parse(readFileSync(option("--message"), "utf8"));
const record = payload.data.deviceStatusChanged;
let { sequence } = record;
let { on } = record.state;

const next = () => {
  sequence += 1;
  on = !on;
  return {
    id: `event_${randomUUID().replaceAll("-", "")}`,
    sequence,
    occurredAt: new Date().toISOString(),
    changed: record.changed,
    device: { ...record.device },
    state: { on, brightness: record.state.brightness },
  };
};

// Each byte asks for an event.
export const asked = (tell) => {
  createServer((line) => {
    line.on("data", (chunk) => {
      for (let count = 0; count < chunk.length; count += 1) tell(next());
    });
  }).listen(option("--listen"));
};
