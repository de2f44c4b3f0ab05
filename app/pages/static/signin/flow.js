// Signing in by the authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636), as any app that runs
// in a browser would: a public client, whose secrets are made anew for each sign-in.
//
// The tokens are in memory and in sessionStorage, where they outlive a reload and end with the tab.
// In localStorage they would lie for good, and tabs that share a refresh token would use it twice,
// which ends everything that came of it (RFC 9700 §4.14).

import { arrival } from "./arrival.js";

const ASKED = "latchkey:asked";
const KEPT = "latchkey:kept";
const EARLY_MS = 30_000;
const CLAIM_MS = 1_000;

export const UNREACHABLE = "The server could not be reached. Try again in a moment.";
const NOTHING_KEPT = "This browser keeps nothing for this page, so you cannot be signed in. Allow it to, or paste a token.";
const OVER = "Your sign-in is over: it was ended, or nobody used it for long. Sign in again.";
const STRANGE = "This answer belongs to no sign-in that was begun in this tab. Nothing was done with it: sign in again.";
const FOREIGN = "This answer came from another server than the one that was asked. Nothing was done with it.";
const ELSEWHERE = "You are signed in in another tab, of which this one is a copy. Sign in here as well.";
const PLAIN = "Signing in needs https, or an address of this machine itself: over plain http, what you type can be read on the way.";
const WHY = {
  access_denied: "You did not allow it, so you are not signed in.",
  invalid_grant: "The answer came too late, or twice. Sign in again.",
  invalid_scope: "GraphiQL may not ask for this here. Whoever runs this server has restricted it.",
  invalid_client: "Whoever runs this server has switched signing in to GraphiQL off.",
  temporarily_unavailable: "The server is busy. Try again in a moment.",
};

// What went wrong, in a sentence for people; `href` leads to where something can be done about it.
export class Trouble extends Error {
  constructor(sentence, href = null) {
    super(sentence);
    this.href = href;
  }
}

// What the server said no to; a `final` no is the same however often one asks.
class Refused extends Trouble {
  constructor(status, error) {
    super(WHY[error] ?? "The server refused to sign you in. Try again.");
    this.final = status < 500 && status !== 408 && status !== 429;
  }
}

export class SignIn {
  #client;
  #ended;
  #kept = null;
  #renewing = null;

  // `client`: id, issuer, redirectUri and scope. `ended(trouble)` is called when nobody is signed in
  // any more, with what went wrong, if it was that.
  constructor(client, ended) {
    this.#client = client;
    this.#ended = ended;
  }

  get signedIn() {
    return this.#kept !== null;
  }

  // Goes to the server, which asks who it is and what they allow, and sends them back here.
  async begin() {
    const { id, redirectUri, scope } = this.#client;
    if (location.origin !== new URL(redirectUri).origin) {
      throw new Trouble("Signing in works at the public address of this server:", redirectUri);
    }
    if (!window.isSecureContext) throw new Trouble(PLAIN);
    const asked = { state: secret(), verifier: secret() };
    if (!keep(ASKED, asked)) throw new Trouble(NOTHING_KEPT);
    const told = {
      response_type: "code",
      client_id: id,
      redirect_uri: redirectUri,
      scope,
      state: asked.state,
      code_challenge: await challenge(asked.verifier),
      code_challenge_method: "S256",
    };
    location.assign(`/oauth/authorize?${new URLSearchParams(told)}`);
  }

  // Goes on from where this tab was: with the answer that it came back with, or the tokens it has.
  async resume() {
    const kept = read(KEPT);
    if (kept !== null && (await claimed(kept.tab))) this.#kept = kept;
    else if (kept !== null) sessionStorage.removeItem(KEPT);
    if (arrival !== null) await this.#redeem();
    else if (kept !== null && this.#kept === null) throw new Trouble(ELSEWHERE);
  }

  // An access token that holds for a while yet, another one than was `refused`; null where nobody is
  // signed in, or not any more.
  async token(refused = null) {
    const kept = this.#kept;
    if (kept === null) return null;
    if (kept.access === refused || Date.now() >= kept.until - kept.early) await this.#renewed();
    return this.#kept?.access ?? null;
  }

  // Ends it here, then at the server, with everything that was issued for it (RFC 7009).
  async end() {
    const { refresh } = this.#kept;
    this.#drop(null);
    await send("/oauth/revoke", { client_id: this.#client.id, token: refresh });
  }

  async #redeem() {
    const asked = read(ASKED);
    if (asked === null || arrival.state !== asked.state) throw new Trouble(STRANGE);
    sessionStorage.removeItem(ASKED);
    if (arrival.iss !== this.#client.issuer) throw new Trouble(FOREIGN); // RFC 9207 §2.4
    if (arrival.error) throw new Refused(400, arrival.error);
    const answer = await send("/oauth/token", {
      grant_type: "authorization_code",
      client_id: this.#client.id,
      redirect_uri: this.#client.redirectUri,
      code: arrival.code,
      code_verifier: asked.verifier,
    });
    const tab = secret();
    await claimed(tab);
    this.#keep(answer, tab);
  }

  // Whoever asks meanwhile waits for the same: a refresh token is used once.
  #renewed() {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renew() {
    const kept = this.#kept;
    try {
      const answer = await send("/oauth/token", {
        grant_type: "refresh_token",
        client_id: this.#client.id,
        refresh_token: kept.refresh,
      });
      if (this.#kept === kept) this.#keep(answer, kept.tab);
    } catch (problem) {
      if (!problem.final) throw problem;
      if (this.#kept === kept) this.#drop(new Trouble(OVER));
    }
  }

  #keep(answer, tab) {
    const lifetime = answer.expires_in * 1_000;
    this.#kept = {
      tab,
      access: answer.access_token,
      refresh: answer.refresh_token,
      until: Date.now() + lifetime,
      early: Math.min(EARLY_MS, lifetime / 3),
    };
    keep(KEPT, this.#kept);
  }

  #drop(trouble) {
    this.#kept = null;
    sessionStorage.removeItem(KEPT);
    this.#ended(trouble);
  }
}

async function send(path, form) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      body: new URLSearchParams(form),
      credentials: "omit",
    });
  } catch {
    throw new Trouble(UNREACHABLE);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.error);
  return answer;
}

// A tab that is duplicated takes a copy of sessionStorage along; only one of the two may go on.
function claimed(tab) {
  return new Promise((settle) => {
    const until = { signal: AbortSignal.timeout(CLAIM_MS) };
    const held = () => {
      settle(true);
      return new Promise(() => {}); // for as long as the page is there
    };
    navigator.locks.request(`latchkey:${tab}`, until, held).catch(() => settle(false));
  });
}

function keep(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
    return true;
  } catch {
    return false; // memory still has it, until the page is left
  }
}

function read(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null; // not ours, or this browser keeps nothing for this page
  }
}

function secret() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function challenge(verifier) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url(new Uint8Array(digest));
}

function base64url(bytes) {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
