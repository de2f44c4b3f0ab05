// The house as every peer on Node serves it: the published graph's types, on records in memory.
//
// The records are Latchkey's own answers, written to a file by the benchmark, so nothing is left
// to do but what is measured: parse, validate, execute, send. Values of scalars stay strings.

import { readFileSync } from "node:fs";

import { option, ready, typeDefs } from "./start.mjs";

export { ready, typeDefs };

const { devices } = JSON.parse(readFileSync(option("--house"), "utf8"));
const able = devices.filter((device) => typeof device.state?.on === "boolean");
const changing = process.argv.includes("--changing");
let asked = 0;

// With `--changing`, one device has changed before each request but the first, in the order in
// which Latchkey's change: whoever kept an answer's bytes would send a wrong one.
const change = () => {
  if (asked > 0) {
    const device = able[asked % able.length];
    device.state.on = !device.state.on;
    device.updatedAt = new Date().toISOString();
  }
  asked += 1;
};

export const resolvers = {
  Query: {
    devices: async (_, { first }) => {
      if (changing) change();
      return { nodes: devices.slice(0, first) };
    },
  },
};
