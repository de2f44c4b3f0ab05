// A graphql-ws client whose subscriptions last for weeks: nothing is missed and nothing comes twice,
// whatever happens to the connection, the server or the token.
//
//     const client = connect({ url: "wss://…/graphql", token: () => yourSession.accessToken() });
//     client.subscribe({ query, variables: { after: null } }, sink);
//
// It goes wherever such a client goes: into Apollo Client's GraphQLWsLink, into urql's
// subscriptionExchange. A subscription goes on from its last cursor where its document takes
// `$after: String` and its variables name `after`: null, or the cursor that your app kept (from
// null, only once a first event or ping has brought one).
//
// `token` is asked at each connection, and on an open one before the token ends; it gives one of the
// same grant that is good for a while yet. Every other option of graphql-ws can be given as well.

import { createClient } from "graphql-ws";

const DAY = 86_400_000;
const LONGEST_WAIT = 30_000;

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export const connect = ({ url, token, ...options }) => {
  // What runs, by the id of its operation. graphql-ws sends this same object again when it has
  // connected again, and lets go of it when the operation is over.
  const running = new Map();
  let [count, renewal, silence] = [0, undefined, undefined];

  const reached = (id, cursor) => {
    const asked = running.get(id)?.deref();
    if (cursor && asked?.variables && "after" in asked.variables) {
      asked.variables = { ...asked.variables, after: cursor };
    }
  };

  // Ask for the next token when a fifth of this one's time is left: the ping renews, and the pong
  // says until when. Without a new one the server closes with 4403, and the next connection asks.
  const renewBefore = (socket, expiresAt) => {
    const left = Date.parse(expiresAt) - Date.now();
    clearTimeout(renewal);
    renewal = setTimeout(async () => {
      const next = await Promise.resolve().then(token).catch(() => undefined);
      if (next && socket.readyState === socket.OPEN) {
        const payload = { authorization: `Bearer ${next}` };
        socket.send(JSON.stringify({ type: "ping", payload }));
      }
    }, Math.min(Math.max(left * 0.8, 1_000), DAY));
  };

  // A connection that is dead without having been closed: the server would have sent a ping. The
  // `ws` package would go on reading until it has closed, a browser does not.
  let connection = {};
  const heard = () => {
    const { socket, heartbeatMs } = connection;
    const end = () => (socket.terminate ? socket.terminate() : client.terminate());
    clearTimeout(silence);
    silence = setTimeout(end, 2 * heartbeatMs);
  };

  const client = createClient({
    url,
    connectionAckWaitTimeout: LONGEST_WAIT,
    connectionParams: async () => ({ authorization: `Bearer ${await token()}` }),
    retryAttempts: Infinity,
    shouldRetry: () => true, // a refused connection too, which is what a restart looks like
    retryWait: (retries) => {
      const longest = Math.min(1_000 * 2 ** retries, LONGEST_WAIT);
      return sleep(longest * (0.5 + Math.random() / 2)); // not all clients at the same moment
    },
    generateID: (asked) => {
      running.set(String(++count), new WeakRef(asked));
      return String(count);
    },
    ...options,
  });

  client.on("connected", (socket, { heartbeatMs, expiresAt }) => {
    connection = { socket, heartbeatMs };
    renewBefore(socket, expiresAt);
    heard();
  });
  client.on("message", ({ id, type, payload }) => {
    if (connection.socket) heard();
    if (type === "next") reached(id, payload.extensions?.cursor);
  });
  client.on("ping", (received, payload) => {
    if (!received) return;
    Object.entries(payload?.cursors ?? {}).forEach(([id, cursor]) => reached(id, cursor));
    running.forEach((asked, id) => asked.deref() ?? running.delete(id));
  });
  client.on("pong", (received, payload) => {
    const { socket } = connection;
    if (received && socket && payload?.expiresAt) renewBefore(socket, payload.expiresAt);
  });
  client.on("closed", () => {
    connection = {};
    clearTimeout(renewal);
    clearTimeout(silence);
  });
  return client;
};
