// One way to ask the API. What the page may do is what its token opens.

export class Unreachable extends Error {}
export class Ended extends Error {}

export function api(facts) {
  return async function ask(query, variables = {}) {
    let response;
    let answer;
    try {
      response = await fetch(facts.graphqlUrl, {
        method: "POST",
        headers: { Authorization: `Bearer ${facts.token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ query, variables }),
        credentials: "omit",
      });
      answer = await response.json();
    } catch {
      throw new Unreachable("Latchkey does not answer.");
    }
    if (response.status === 401) throw new Ended("Access has ended. Reload the page to go on.");
    if (response.status === 503 || !(answer.data || answer.errors)) {
      throw new Unreachable(fault(answer) ?? "Latchkey cannot answer now.");
    }
    return answer;
  };
}

// The first error in words; GraphQL answers with a list.
export function fault(answer) {
  return answer.errors?.[0]?.message;
}
