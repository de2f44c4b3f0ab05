// A receiver of Latchkey's webhooks: it verifies, knows again what it has, and works afterwards.
//
//     npm ci
//     WEBHOOK_SECRET=whsec_… node receiver.mjs
//
// What waits and what was seen is in memory here, so a restart forgets it. Where that must not be,
// put each message into your database before you answer, with its `webhook-id` as a unique key.

import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const LARGEST = 64 * 1024; // bytes; nothing longer is sent
const REMEMBERED = 10_000; // messages
const MOST_WAITING = 1_000; // messages

const webhook = new Webhook(process.env.WEBHOOK_SECRET);
const seen = new Set(); // the ids of messages, the oldest first
let waiting = 0;
let last = Promise.resolve();

// Verify the body as it came, take it once, and answer before anything is done with it.
const receive = async (request) => {
  if (request.url !== "/hooks") return [404];
  if (request.method !== "POST") return [405, { allow: "POST" }];
  const body = await whole(request);
  if (body === undefined) return [413, { connection: "close" }];
  let message;
  try {
    message = webhook.verify(body, request.headers);
  } catch {
    return [400];
  }
  const id = request.headers["webhook-id"];
  if (seen.has(id)) return [204];
  if (waiting >= MOST_WAITING) return [503, { "retry-after": "5" }];
  later(message);
  seen.add(id);
  if (seen.size > REMEMBERED) seen.delete(seen.values().next().value);
  return [204];
};

const whole = async (request) => {
  const parts = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > LARGEST) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
};

// Your work.
const handle = async (message) => {
  console.log(JSON.stringify(message));
};

// Handle messages one after the other, in the order in which they came.
const later = (message) => {
  waiting += 1;
  last = last
    .then(() => handle(message))
    .catch((error) => console.error("A message could not be handled.", error))
    .finally(() => (waiting -= 1));
};

createServer((request, response) => {
  receive(request).then(
    ([status, headers]) => response.writeHead(status, headers).end(),
    () => response.destroy(), // the request was cut off on its way
  );
}).listen(process.env.PORT ?? 8765, "127.0.0.1");
