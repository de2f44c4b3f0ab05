// urql as its documentation has it: HTTP by hash first, subscriptions over graphql-ws; with `fetch`,
// subscriptions over HTTP too (GraphQL over SSE).

import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import WebSocket from "ws";

import { say, serve, token } from "./lines.mjs";
import { connect } from "./resume.mjs";

const [url, ws, way] = process.argv.slice(2);

const overWs = () => {
  const client = connect({ url: ws, token, webSocketImpl: WebSocket });
  return subscriptionExchange({
    forwardSubscription: (request) => ({
      subscribe: (sink) => {
        const asked = { query: request.query ?? "", variables: request.variables };
        return { unsubscribe: client.subscribe(asked, sink) };
      },
    }),
  });
};

const bearer = await token();
const client = new Client({
  url,
  exchanges: [
    cacheExchange,
    persistedExchange({ preferGetForPersistedQueries: true }),
    ...(way === "fetch" ? [] : [overWs()]),
    fetchExchange,
  ],
  fetchSubscriptions: way === "fetch",
  fetchOptions: () => ({ headers: { authorization: `Bearer ${bearer}` } }),
  fetch: (uri, request) => {
    say({ sent: `${request.method} ${uri} ${request.body ?? ""}` });
    return fetch(uri, request);
  },
});

// What urql calls a result: its data, its extensions and its error, all at once.
const told = ({ data, extensions, hasNext, error }) => ({
  data,
  extensions,
  hasNext,
  error: error && { message: error.message, errors: error.graphQLErrors },
});

serve({
  ask: async ({ query, variables }) => {
    const how = query.trimStart().startsWith("mutation") ? "mutation" : "query";
    return told(await client[how](query, variables, { requestPolicy: "network-only" }).toPromise());
  },
  watch: ({ query, variables }, sink) =>
    client.subscription(query, variables).subscribe((result) => sink.next(told(result))).unsubscribe,
  shown: (error) => ({ message: error.message }),
});
