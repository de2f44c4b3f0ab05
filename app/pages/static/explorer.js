// GraphiQL on the API of this host: queries and mutations by POST, subscriptions over a WebSocket,
// both with the same access token. What the page knows is in the block `facts`.

const facts = JSON.parse(document.getElementById("facts").textContent);
const field = document.getElementById("token");
const note = document.getElementById("access-note");
const asked = new URLSearchParams(location.search);

field.value = facts.token ?? "";
field.addEventListener("input", tell);
document.getElementById("access").addEventListener("submit", (event) => event.preventDefault());
tell();

function tell() {
  const ours = facts.token !== null && field.value === facts.token;
  note.textContent = ours
    ? "The demo's own: every scope, every home, 12 hours."
    : field.value
      ? "Sent with everything you run."
      : "Without one, only the schema can be read.";
}

// What is typed into the Headers pane wins over the token above it.
function headersOf(options) {
  const own = options?.headers ?? {};
  const named = Object.keys(own).some((name) => name.toLowerCase() === "authorization");
  return named || !field.value ? own : { Authorization: `Bearer ${field.value.trim()}`, ...own };
}

function authorization(headers) {
  const name = Object.keys(headers).find((one) => one.toLowerCase() === "authorization");
  return name ? { authorization: headers[name] } : {};
}

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

async function post(params, headers) {
  const response = await fetch(facts.url, {
    method: "POST",
    headers: {
      Accept: "application/graphql-response+json, application/json",
      "Content-Type": "application/json",
      ...headers,
    },
    body: JSON.stringify(params),
  });
  return response.json();
}

function watch(params, headers) {
  return {
    subscribe(observer) {
      const client = graphqlWs.createClient({
        url: new URL(facts.url, location.href.replace(/^http/, "ws")).href,
        connectionParams: authorization(headers),
        retryAttempts: 3,
        shouldRetry: (problem) => !(problem?.code >= 4400), // refused: the same would be again
      });
      const end = client.subscribe(params, {
        next: (answer) => observer.next(answer),
        complete: () => observer.complete(),
        error: (problem) => observer.error(readable(problem)),
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
  const headers = headersOf(options);
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

function tabs() {
  const given = asked.get("query");
  if (given === null) return facts.tabs;
  return [{ query: given, variables: asked.get("variables") ?? undefined }, ...facts.tabs];
}

ReactDOM.render(
  React.createElement(GraphiQL, {
    fetcher,
    defaultTabs: tabs(),
    query: asked.get("query") ?? undefined,
    variables: asked.get("variables") ?? undefined,
    operationName: asked.get("operationName") ?? undefined,
    storage: shelf(`latchkey:${facts.kept}:`),
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: "variables",
    inputValueDeprecation: true,
  }),
  document.getElementById("explorer"),
);
