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
