// What the authorization server sent back along with the browser (RFC 6749 §4.1.2), taken out of the
// address before anything else happens: neither the history nor any other request gets to know it.

const told = new URLSearchParams(location.search);
const answered = told.has("code") || told.has("error");

export const arrival = answered ? Object.fromEntries(told) : null;

if (answered) history.replaceState(null, "", location.pathname);
