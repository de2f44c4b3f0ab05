// The bar above GraphiQL: who is signed in, or a token that was pasted, and what went wrong.

import { SignIn, Trouble, UNREACHABLE } from "./flow.js";

export const facts = JSON.parse(document.getElementById("facts").textContent);

const UNTOLD = "You are signed out here, but the server could not be told. To be sure, remove GraphiQL's access at";
const WHO = "{ viewer { user { name } scopes } }";

const $ = (id) => document.getElementById(id);
const field = $("token");
const signIn = new SignIn(facts.client, show);

field.value = facts.token ?? "";
show();
field.addEventListener("input", () => show());
$("access").addEventListener("submit", (event) => event.preventDefault());
$("sign-in").addEventListener("click", () => signIn.begin().catch(show));
$("sign-out").addEventListener("click", () => {
  const revoked = signIn.end();
  $("sign-in").focus();
  say(`Signed out. ${told()}`);
  revoked.catch(() => tell(new Trouble(UNTOLD, "/account")));
});

// Nothing is asked before it is known who asks.
const ready = signIn.resume().then(() => show(), show).then(introduce);

export const signedIn = () => signIn.signedIn;

// The token to send. With `before`, another one than that, which was refused: whoever began as one
// person goes on as the same or, where this is null, not at all.
export async function bearer(before = null) {
  await ready;
  if (before === null && !signIn.signedIn) return field.value.trim() || null;
  return signIn.token(before);
}

function show(trouble = null) {
  const { signedIn } = signIn;
  $("access").hidden = signedIn;
  $("sign-in").hidden = signedIn;
  $("sign-out").hidden = !signedIn;
  tell(trouble);
  say(signedIn ? "Signed in." : told());
}

function told() {
  const ours = facts.token !== null && field.value === facts.token;
  if (ours) return "The demo's own: every scope, every home, 12 hours.";
  return field.value ? "Sent with everything you run." : "Without one, only the schema can be read.";
}

function say(sentence) {
  $("access-note").textContent = sentence;
}

function tell(trouble) {
  const alert = $("access-trouble");
  alert.hidden = trouble === null;
  if (trouble === null) return;
  alert.textContent = trouble.message;
  if (!trouble.href) return;
  const link = document.createElement("a");
  link.href = trouble.href;
  link.textContent = new URL(trouble.href, location.href).href;
  alert.append(" ", link);
}

// Who is signed in, as the API knows them, and what they let this page do. A token that was revoked
// while the page was away is found out here, before anything is run with it.
async function introduce() {
  try {
    const token = await signIn.token();
    let response = token && (await who(token));
    if (response?.status === 401) {
      const another = await signIn.token(token);
      response = another && (await who(another));
    }
    const viewer = response?.ok ? (await response.json()).data?.viewer : null;
    if (viewer) say(`Signed in as ${viewer.user.name}. GraphiQL may: ${viewer.scopes.join(", ")}.`);
  } catch (trouble) {
    tell(trouble);
  }
}

function who(token) {
  return fetch(facts.url, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ query: WHO }),
  }).catch(() => {
    throw new Trouble(UNREACHABLE);
  });
}
