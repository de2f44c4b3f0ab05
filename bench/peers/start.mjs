// How every peer on Node begins: its options, the published graph, and the line that says the port.

import { readFileSync } from "node:fs";

export const option = (name) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};

export const typeDefs = readFileSync(option("--graph"), "utf8");

// The benchmark reads one line, and a peer ends when the benchmark does.
export const ready = (port) => {
  console.log(JSON.stringify({ port }));
  process.stdin.on("end", () => process.exit()).resume();
};
