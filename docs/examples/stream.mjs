// A subscription over server-sent events that lasts for weeks, with graphql-sse.
//
//     const stop = follow({ url: "https://…/graphql", token: () => yourSession.accessToken() },
//       { query, variables: { after } }, sink);
//
// It goes on from its last cursor where its document takes `$after: String` and its variables name
// `after`: null, or the cursor that your app kept (from null, only once a first event has brought
// one). `sink` has `next`, `error` and `complete`, as with graphql-sse; `error` is told what trying
// again would not mend.

import { createClient } from "graphql-sse";

const LONGEST_WAIT = 30_000;

export const follow = ({ url, token, silentMs = 60_000 }, asked, sink) => {
  const client = createClient({
    url,
    headers: async () => ({ authorization: `Bearer ${await token()}` }),
    fetchFn: listening(silentMs),
    retryAttempts: 0, // it would try again what was refused, and would not say what came of it
  });
  const variables = { ...asked.variables };
  let [tries, stopped, stop, waiting] = [0, false, undefined, undefined];

  const begin = () => {
    let ended = false;
    waiting = undefined;
    const next = (result) => {
      // The token has ended, or access was taken back: the next connection shows which.
      ended = result.errors?.some(({ extensions }) => extensions?.code === "UNAUTHENTICATED");
      if (ended) return;
      sink.next(result);
      if ("after" in variables) variables.after = result.extensions?.cursor ?? variables.after;
    };
    const error = (problem) => (final(problem) ? sink.error(problem) : again());
    const complete = () => (ended && !stopped ? again() : sink.complete());
    const connected = () => (tries = 0);
    stop = client.subscribe({ ...asked, variables }, { next, error, complete }, { connected });
  };
  const again = () => {
    const longest = Math.min(1_000 * 2 ** tries++, LONGEST_WAIT);
    waiting = setTimeout(begin, longest * (0.5 + Math.random() / 2)); // not all at one moment
  };

  begin();
  return () => {
    stopped = true;
    if (waiting === undefined) return stop();
    clearTimeout(waiting);
    sink.complete();
  };
};

// What the server said no to: a document, variables, a token that does not hold; not "too fast".
const final = ({ response }) =>
  response && response.status >= 400 && response.status < 500 && response.status !== 429;

// A connection can be dead without having been closed. The server sends a comment each heartbeat,
// which graphql-sse does not show; so the bytes are listened to.
const listening = (silentMs) => async (url, request) => {
  const control = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => control.abort(), silentMs);
  };
  const over = () => clearTimeout(timer);
  request.signal.addEventListener("abort", () => control.abort(over()));
  heard();
  const response = await fetch(url, { ...request, signal: control.signal });
  const transform = (chunk, out) => {
    heard();
    out.enqueue(chunk);
  };
  const body = response.body.pipeThrough(new TransformStream({ transform, flush: over }));
  return new Response(body, response);
};
