// Mercurius on Fastify with subscriptions, everything as it comes: its own emitter in memory.

import Fastify from "fastify";
import mercurius from "mercurius";

import { asked } from "./events.mjs";
import { ready, typeDefs } from "./start.mjs";

const TOPIC = "changes";

const resolvers = {
  Subscription: {
    deviceStatusChanged: {
      subscribe: async (_, __, { pubsub }) => pubsub.subscribe(TOPIC),
    },
  },
};

const app = Fastify();
app.register(mercurius, { schema: typeDefs, resolvers, subscription: true });
await app.listen({ host: "127.0.0.1", port: 0 });
asked((event) => {
  app.graphql.pubsub.publish({ topic: TOPIC, payload: { deviceStatusChanged: event } });
});
ready(app.server.address().port);
