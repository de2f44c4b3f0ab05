// `npm run lock`: package-lock.json without addresses, as the house wants its lock files: what is
// installed is pinned by its hash, wherever it comes from.

import { readFileSync, writeFileSync } from "node:fs";

const path = "package-lock.json"; // of the package whose script runs
const lock = JSON.parse(readFileSync(path, "utf8"));
for (const one of Object.values(lock.packages)) {
  delete one.resolved;
  delete one.funding;
}
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
