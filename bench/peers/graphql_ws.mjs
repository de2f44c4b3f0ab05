// graphql-ws on ws, as its documentation starts them, with a queue in memory for each subscriber.

import { createServer } from "node:http";

import { buildSchema } from "graphql";
import { useServer } from "graphql-ws/use/ws";
import { WebSocketServer } from "ws";

import { asked } from "./events.mjs";
import { ready, typeDefs } from "./start.mjs";

const queues = new Set();

class Queue {
  #values = [];
  #waiting = null;

  push(value) {
    if (this.#waiting) {
      this.#waiting({ value, done: false });
      this.#waiting = null;
    } else this.#values.push(value);
  }

  next() {
    if (this.#values.length > 0) return Promise.resolve({ value: this.#values.shift(), done: false });
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return() {
    queues.delete(this);
    this.#waiting?.({ value: undefined, done: true });
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator]() {
    return this;
  }
}

const schema = buildSchema(typeDefs);
schema.getSubscriptionType().getFields().deviceStatusChanged.subscribe = () => {
  const queue = new Queue();
  queues.add(queue);
  return queue;
};
asked((event) => {
  for (const queue of queues) queue.push({ deviceStatusChanged: event });
});

const server = createServer();
useServer({ schema }, new WebSocketServer({ server, path: "/graphql" }));
server.listen(0, "127.0.0.1", () => ready(server.address().port));
