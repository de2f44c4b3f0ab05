// graphql-ws as its README has it; with `lasting`, as docs/examples/resume.mjs has it.

import { createClient } from "graphql-ws";
import WebSocket from "ws";

import { say, serve, token } from "./lines.mjs";
import { connect } from "./resume.mjs";

const [url, way] = process.argv.slice(2);
const plain = () =>
  createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ authorization: `Bearer ${await token()}` }),
  });
const client = way === "lasting" ? connect({ url, token, webSocketImpl: WebSocket }) : plain();

client.on("connected", (socket, payload, retried) => say({ connected: { retried, ...payload } }));
client.on("closed", ({ code }) => say({ closed: code }));
client.on("pong", (received, payload) => received && say({ pong: payload }));

serve({
  ask: async (asked) => {
    const { value } = await client.iterate(asked).next();
    return value;
  },
  watch: (asked, sink) => client.subscribe(asked, sink),
  // What a sink gets: the errors of an `error` message, or the event that closed the socket.
  shown: (error) =>
    Array.isArray(error)
      ? { errors: error }
      : { code: error.code, reason: error.reason, message: error.message },
});
