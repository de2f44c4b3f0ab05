// graphql-sse as its README has it, in its distinct connections mode; with `lasting`, subscriptions
// as docs/examples/stream.mjs has them.

import { createClient } from "graphql-sse";

import { serve, token } from "./lines.mjs";
import { follow } from "./stream.mjs";

const [url, way] = process.argv.slice(2);
const client = createClient({
  url,
  singleConnection: false,
  headers: async () => ({ authorization: `Bearer ${await token()}` }),
  retryAttempts: 0, // what is refused would be tried again
});

// A NetworkError has the server's answer, if there was one.
const read = async (error) => Object.assign(error, await error.response?.json());

serve({
  ask: async (asked) => {
    const { value } = await client.iterate(asked).next().catch(async (error) => {
      throw await read(error);
    });
    return value;
  },
  watch: (asked, { next, error, complete }) => {
    const sink = { next, error: (problem) => read(problem).then(error), complete };
    const lasting = () => follow({ url, token, silentMs: 4_500 }, asked, sink);
    return way === "lasting" ? lasting() : client.subscribe(asked, sink);
  },
  shown: ({ name, response, errors }) => ({ name, status: response?.status, errors }),
});
