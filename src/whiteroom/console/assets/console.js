"use strict";
// Pages work without this. It takes over what can only be done in the browser.

// A one-time link has its secret behind the #, which no server and no log on the way sees.
for (const form of document.querySelectorAll("form[data-secret-from-hash]")) {
  const secret = location.hash.slice(1);
  if (secret) {
    history.replaceState(null, "", location.pathname);
    form.elements.secret.value = secret;
    form.requestSubmit();
  }
}

// A page of something that goes on is told when it has changed, asks for itself again, and takes over what is new.
let events = null;

function follow() {
  const place = document.querySelector("main [data-live]");
  events?.close();
  events = place ? new EventSource(place.dataset.live) : null;
  events?.addEventListener("changed", renew);
  events?.addEventListener("over", renew);
}

function isInUse() {
  const main = document.querySelector("main");
  const isTyped = main.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
  return isTyped || main.querySelector("input:checked") !== null || String(getSelection()) !== "";
}

async function renew() {
  events.close();
  if (isInUse()) {
    setTimeout(renew, 3000);
    return;
  }
  const answer = await fetch(location.href, { headers: { "x-by-itself": "1" } });
  const main = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  const place = document.querySelector("main");
  const open = Array.from(place.querySelectorAll("details[open] > summary"), (one) => one.textContent);
  place.replaceChildren(...main.childNodes);
  for (const summary of place.querySelectorAll("summary")) {
    summary.parentElement.open = open.includes(summary.textContent);
  }
  follow();
}

follow();
