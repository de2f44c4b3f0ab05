// Commands as they run: given with `waitMs: 0`, then followed by events and by asking.

import { Ended, fault } from "./api.js";
import { COMMAND, CONTROL } from "./documents.js";
import { stateWords, statusWords } from "./words.js";

const RANK = { ASKED: 0, ACCEPTED: 1, DISPATCHED: 2, ACKNOWLEDGED: 3 };
const OVER = 4;
const rank = (status) => RANK[status] ?? OVER;
const LOOKS = [60, 150, 300, 600, 1_000, 2_000, 3_000, 4_000];
const KEPT = 500;

export const isOpen = (record) => rank(record.status) < OVER;

// `changed(deviceId, record)` is called whenever a command has moved on, ours or another's.
export function commands(ask, log, changed) {
  const known = new Map();

  function moved(record, status, error, via) {
    if (rank(status) <= rank(record.status)) return;
    Object.assign(record, { status, error: error ?? undefined });
    record.row?.step(status, statusWords(status, error), via);
    changed(record.deviceId, record);
  }

  function keep(id, record) {
    known.set(id, record);
    for (const [old, one] of known) {
      if (known.size <= KEPT) break;
      if (!isOpen(one)) known.delete(old);
    }
  }

  async function give(device, state) {
    // One key per gesture: sent twice because an answer was lost, it is still one command.
    const idempotencyKey = crypto.randomUUID();
    const variables = { input: { deviceId: device.id, state, waitMs: 0, idempotencyKey } };
    const row = log.request("You asked", device.name, `: ${stateWords(state)}`, CONTROL, variables);
    const record = { deviceId: device.id, name: device.name, desired: state, status: "ASKED", row, curious: [], own: true };
    changed(device.id, record);
    try {
      const answer = await patiently(() => ask(CONTROL, variables));
      row.answered(answer);
      const command = answer.data?.controlDevice;
      if (!command) return failed(record, fault(answer));
      adopt(record, command);
      await follow(record, command);
    } catch (error) {
      failed(record, error.message);
    }
  }

  // The event that a command was accepted may come before the answer that names it.
  function adopt(record, command) {
    const early = known.get(command.id);
    record.id = command.id;
    keep(command.id, record);
    moved(record, command.status, command.error, "answer");
    if (early) moved(record, early.status, early.error, "event");
    for (const tell of early?.curious ?? []) tell(record.row);
  }

  function failed(record, message) {
    moved(record, "ERROR", { message }, "answer");
  }

  async function follow(record, command) {
    const over = Date.parse(command.deadline) + 2_000;
    for (let look = 0; isOpen(record) && Date.now() < over; look += 1) {
      await pause(LOOKS[Math.min(look, LOOKS.length - 1)]);
      if (!isOpen(record)) return;
      try {
        const answer = await ask(COMMAND, { id: record.id });
        record.row.asked(COMMAND, { id: record.id }, answer);
        const found = answer.data?.command;
        if (found) moved(record, found.status, found.error, "query");
      } catch (error) {
        if (error instanceof Ended) return;
      }
    }
  }

  // What an event or a first look says of a command, whoever gave it.
  function heard({ id, status, error, desired }, device) {
    if (!known.has(id)) {
      keep(id, { id, deviceId: device.id, name: device.name, desired: given(desired), status: "ASKED", curious: [] });
    }
    moved(known.get(id), status, error, "event");
  }

  // Tells the row of the request that gave this command, now or once it is known to be ours.
  function explain(id, tell) {
    const record = known.get(id);
    if (record?.row) tell(record.row);
    else record?.curious.push(tell);
  }

  return { give, heard, explain };
}

async function patiently(work) {
  for (const wait of [300, 1_000]) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Ended) throw error;
      await pause(wait);
    }
  }
  return work();
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const given = (state) => Object.fromEntries(Object.entries(state).filter(([, value]) => value !== null));
