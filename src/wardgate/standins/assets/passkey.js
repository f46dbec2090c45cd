// The one script of the stand-ins: it hands the page's question to the browser's WebAuthn and the answer to the page's form.
// Nothing is decided here. Binary values travel as base64url (WebAuthn level 3 section 5.1.8).
"use strict";

(() => {
  const form = document.getElementById("passkey");
  const start = document.getElementById("passkey-start");
  if (!form || !start) return;
  document.getElementById("passkey-scriptless").hidden = true;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const descriptors = (found) => (found || []).map((one) => ({ ...one, id: bytes(one.id) }));
  const say = (message) => {
    for (const one of ["unsupported", "cancelled", "known", "failed"]) {
      document.getElementById(`passkey-${one}`).hidden = one !== message;
    }
  };

  if (!window.isSecureContext || !window.PublicKeyCredential || !navigator.credentials) {
    say("unsupported");
    return;
  }

  const questions = {
    register: (options) =>
      navigator.credentials.create({
        publicKey: {
          ...options,
          challenge: bytes(options.challenge),
          user: { ...options.user, id: bytes(options.user.id) },
          excludeCredentials: descriptors(options.excludeCredentials),
        },
      }),
    "sign-in": (options) =>
      navigator.credentials.get({
        publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: descriptors(options.allowCredentials) },
      }),
  };

  const fill = (credential) => {
    const answer = credential.response;
    const values = {
      credential_id: credential.rawId,
      client_data: answer.clientDataJSON,
      attestation: answer.attestationObject,
      authenticator_data: answer.authenticatorData,
      signature: answer.signature,
      user_handle: answer.userHandle,
    };
    for (const [name, value] of Object.entries(values)) {
      const field = form.elements.namedItem(name);
      if (field && value) field.value = text(value);
    }
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (start.disabled) return;
    start.disabled = true;
    say("");
    try {
      const credential = await questions[form.dataset.do](JSON.parse(form.dataset.options));
      if (!credential) throw new DOMException("", "NotAllowedError");
      fill(credential);
      form.submit();
    } catch (error) {
      say({ NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known", SecurityError: "unsupported" }[error.name] || "failed");
      start.disabled = false;
    }
  });
  start.hidden = false;
})();
