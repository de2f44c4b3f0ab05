// Mercurius on Fastify, everything as it comes; `--jit` compiles a document once it has run once.

import Fastify from "fastify";
import mercurius from "mercurius";

import { ready, resolvers, typeDefs } from "./house.mjs";

const jit = process.argv.includes("--jit") ? { jit: 1 } : {};
const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, ...jit });
await app.listen({ host: "127.0.0.1", port: 0 });
ready(app.server.address().port);
