// The live events of one home at a time, over one socket, resumed where they broke off.

import { EVENTS } from "./documents.js";

const ACCESS_ENDED = new Set([4401, 4403]);
const SILENCE = 10_000;
const PATIENCE = 5_000;

// `on.state(name)`: connecting, live, reconnecting or ended. `on.event(event, told)`: `told` has the
// document, the variables that bring this event again, and the raw message.
// `on.gap()`: something may have been missed, so what is shown has to be asked for anew.
export function socket(facts, on) {
  let ended = false;
  let deaf;
  const client = window.graphqlWs.createClient({
    url: new URL(facts.graphqlUrl, location.href).href.replace(/^http/, "ws"),
    connectionParams: () => ({ authorization: `Bearer ${facts.token}` }),
    lazyCloseTimeout: 1_000,
    keepAlive: SILENCE,
    retryAttempts: Infinity,
    retryWait: (tries) => pause(Math.min(8_000, 500 * 2 ** tries) * (0.5 + Math.random() / 2)),
    shouldRetry: (event) => !ACCESS_ENDED.has(event?.code),
    on: {
      connected: () => on.state("live"),
      closed: (event) => {
        clearTimeout(deaf);
        if (ACCESS_ENDED.has(event?.code)) ended = true;
        on.state(ended ? "ended" : "reconnecting");
      },
      // A connection that has died without a word looks open for minutes; an unanswered ping tells.
      ping: (received) => {
        if (!received) deaf = setTimeout(() => client.terminate(), PATIENCE);
      },
      pong: (received) => {
        if (received) clearTimeout(deaf);
      },
    },
  });

  // Starts to watch a home; what it returns ends that.
  return function watch(homeId) {
    // graphql-ws sends this object again whenever it reconnects: a moved `after` resumes there.
    const payload = { query: EVENTS, variables: { homeId } };
    let stopped = false;
    let lost = false;
    let stop = () => {};
    const forget = [
      client.on("closed", () => {
        lost = true;
      }),
      client.on("connected", () => {
        if (lost && !payload.variables.after) on.gap();
        lost = false;
      }),
    ];

    function begin() {
      stop = client.subscribe(payload, {
        next(message) {
          if (message.extensions?.gap) on.gap();
          const told = { query: EVENTS, variables: { ...payload.variables }, answer: message };
          payload.variables.after = message.extensions?.cursor ?? payload.variables.after;
          if (message.data?.events) on.event(message.data.events, told);
        },
        error: again,
        complete: again,
      });
    }

    // The operation ended though the socket stands, as when a cursor is too old: start anew.
    async function again() {
      if (stopped || ended) return;
      delete payload.variables.after;
      await pause(2_000);
      if (stopped) return;
      begin();
      on.gap();
    }

    begin();
    return () => {
      stopped = true;
      for (const one of forget) one();
      stop();
    };
  };
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
