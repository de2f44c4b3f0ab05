// GraphQL Yoga on Node's own HTTP server, everything as it comes.

import { createServer } from "node:http";

import { createSchema, createYoga } from "graphql-yoga";

import { ready, resolvers, typeDefs } from "./house.mjs";

const server = createServer(createYoga({ schema: createSchema({ typeDefs, resolvers }) }));
server.listen(0, "127.0.0.1", () => ready(server.address().port));
