// GraphiQL on the API of this host: queries and mutations by POST, subscriptions over a WebSocket,
// both with the same access token. What the page knows is in the block `facts`.

import { bearer, facts, signedIn } from "./signin/bar.js";

const EXPIRED = 4403;
const TAKEN_BACK = 4401;
const asked = new URLSearchParams(location.search);

// Right after a change of tabs GraphiQL still names the operation of the one before, so what is sent
// is read from the document itself.
function operationOf({ query, operationName }) {
  try {
    const parsed = GraphiQL.GraphQL.parse(query, { noLocation: true });
    const all = parsed.definitions.filter((one) => one.kind === "OperationDefinition");
    return all.find((one) => one.name?.value === operationName) ?? (all.length === 1 ? all[0] : null);
  } catch {
    return null; // the server says what is wrong with it, and where
  }
}

// What is typed into the Headers pane wins over whoever is signed in.
function typed(headers) {
  const name = Object.keys(headers).find((one) => one.toLowerCase() === "authorization");
  return name ? headers[name] : null;
}

async function post(params, headers) {
  const token = typed(headers) === null ? await bearer() : null;
  let response = await send(params, headers, token);
  if (response.status === 401 && token !== null) {
    const another = await bearer(token);
    if (another !== null) response = await send(params, headers, another);
  }
  return response.json();
}

function send(params, headers, token) {
  const shown = token === null ? {} : { Authorization: `Bearer ${token}` };
  return fetch(facts.url, {
    method: "POST",
    headers: {
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
      ...shown,
      ...headers,
    },
    body: JSON.stringify(params),
  });
}

// A socket ends with its token (4403). Whoever is signed in comes back with the next one, once: a new
// token that is refused as well will not get better.
function passport(headers) {
  const own = typed(headers);
  let shown = null;
  let refused = null;
  return {
    async show() {
      if (own !== null) return { authorization: own };
      if (refused !== null) shown = await bearer(refused);
      else shown ??= await bearer();
      if (refused !== null && shown === null) throw new Error("You are signed out.");
      return shown === null ? {} : { authorization: `Bearer ${shown}` };
    },
    accepted() {
      refused = null;
    },
    renewable() {
      if (own !== null || refused !== null || !signedIn()) return false;
      refused = shown;
      return true;
    },
    async over() {
      if (own === null && shown !== null) await bearer(shown);
    },
  };
}

function watch(params, headers) {
  return {
    subscribe(observer) {
      const pass = passport(headers);
      const client = graphqlWs.createClient({
        url: new URL(facts.url, location.href.replace(/^http/, "ws")).href,
        connectionParams: pass.show,
        on: { connected: pass.accepted },
        retryAttempts: 3,
        retryWait: (tries) => new Promise((done) => setTimeout(done, tries && 500 * 2 ** tries)),
        // Any other refusal would be the same again.
        shouldRetry: ({ code }) => (code === EXPIRED ? pass.renewable() : !(code >= 4400)),
      });
      const end = client.subscribe(params, {
        next: (answer) => observer.next(answer),
        complete: () => observer.complete(),
        error(problem) {
          if (problem?.code === TAKEN_BACK) pass.over().catch(() => {}); // the page tells by itself
          observer.error(readable(problem));
        },
      });
      return {
        unsubscribe() {
          end();
          client.dispose();
        },
      };
    },
  };
}

// A refusal is a list of GraphQL errors or the socket's closing, neither of which prints well.
function readable(problem) {
  if (Array.isArray(problem)) return { errors: problem };
  if (problem?.reason) return { message: `${problem.reason} (closed with ${problem.code})` };
  return { message: problem?.message || "The server could not be reached." };
}

function fetcher(params, options) {
  const headers = options?.headers ?? {};
  const operation = operationOf(params);
  const sent = operation ? { ...params, operationName: operation.name?.value } : params;
  return operation?.operation === "subscription" ? watch(sent, headers) : post(sent, headers);
}

// Tabs are kept in this browser, for one demo at a time: ids of another one would mean nothing here.
function shelf(prefix) {
  for (const name of Object.keys(localStorage)) {
    if (name.startsWith("latchkey:") && !name.startsWith(prefix)) localStorage.removeItem(name);
  }
  const own = () => Object.keys(localStorage).filter((name) => name.startsWith(prefix));
  return {
    get length() {
      return own().length;
    },
    getItem: (name) => localStorage.getItem(prefix + name),
    setItem: (name, value) => localStorage.setItem(prefix + name, value),
    removeItem: (name) => localStorage.removeItem(prefix + name),
    clear: () => own().forEach((name) => localStorage.removeItem(name)),
  };
}

const storage = shelf(`latchkey:${facts.kept}:`);
const given = asked.get("query");
const linked = given !== null && { query: given, variables: asked.get("variables") ?? undefined };

// The tab that was looked at last, as it is kept. GraphiQL opens one more where what it is to show is
// not, to the letter, what one of the kept tabs has.
function last() {
  try {
    const { tabs, activeTabIndex } = JSON.parse(storage.getItem("graphiql:tabState"));
    return tabs[activeTabIndex];
  } catch {
    return null; // nothing is kept, or nothing that can be read
  }
}

const shown = linked || last() || facts.tabs[0];

ReactDOM.render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: linked ? [linked, ...facts.tabs] : facts.tabs,
    query: shown?.query ?? undefined,
    variables: shown?.variables ?? undefined,
    operationName: asked.get("operationName") ?? undefined,
    storage,
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: "variables",
    inputValueDeprecation: true,
  }),
  document.getElementById("explorer"),
);
