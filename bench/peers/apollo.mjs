// Apollo Server as its documentation starts it: standalone, everything as it comes.

import { ApolloServer } from "@apollo/server";
import { startStandaloneServer } from "@apollo/server/standalone";

import { ready, resolvers, typeDefs } from "./house.mjs";

const server = new ApolloServer({ typeDefs, resolvers });
const { url } = await startStandaloneServer(server, { listen: { host: "127.0.0.1", port: 0 } });
ready(Number(new URL(url).port));
