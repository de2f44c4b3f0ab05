// Apollo Client as its documentation has it: queries and mutations over HTTP, by hash first
// (automatic persisted queries), and subscriptions over graphql-ws, into one normalised cache.

import { createHash } from "node:crypto";

import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client/core";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { SetContextLink } from "@apollo/client/link/context";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { getMainDefinition } from "@apollo/client/utilities";
import WebSocket from "ws";

import { say, serve, token } from "./lines.mjs";
import { connect } from "./resume.mjs";

const [http, ws] = process.argv.slice(2);

// GraphQLWsLink looks at the global WebSocket, which Node has by itself from 22 on.
globalThis.WebSocket ??= WebSocket;

const authorized = new SetContextLink(async ({ headers }) => ({
  headers: { ...headers, authorization: `Bearer ${await token()}` },
}));
const persisted = new PersistedQueryLink({
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
});
const overHttp = new HttpLink({
  uri: http,
  fetch: (uri, request) => {
    say({ sent: JSON.parse(request.body) });
    return fetch(uri, request);
  },
});
const overWs = new GraphQLWsLink(connect({ url: ws, token }));

const kind = (query) => getMainDefinition(query).operation;
const client = new ApolloClient({
  link: ApolloLink.split(
    ({ query }) => kind(query) === "subscription",
    overWs,
    ApolloLink.from([persisted, authorized, overHttp]),
  ),
  cache: new InMemoryCache(),
});

serve({
  ask: ({ query: text, variables }) => {
    const query = gql(text);
    return kind(query) === "mutation"
      ? client.mutate({ mutation: query, variables })
      : client.query({ query, variables, fetchPolicy: "network-only" });
  },
  // A query is watched in the cache, as a component of the app would.
  watch: ({ query: text, variables }, sink) => {
    const query = gql(text);
    const watched =
      kind(query) === "subscription"
        ? client.subscribe({ query, variables })
        : client.watchQuery({ query, variables });
    const told = ({ error, ...result }) => (error ? sink.error(error) : sink.next(result));
    const subscription = watched.subscribe({ ...sink, next: told });
    return () => subscription.unsubscribe();
  },
  shown: (error) => ({
    name: error.name,
    message: error.message,
    errors: CombinedGraphQLErrors.is(error) ? error.errors : undefined,
  }),
});
