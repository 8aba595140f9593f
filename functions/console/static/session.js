/** Who is signed in. The key or token is in memory; in sessionStorage only where the person asked for that. */
import { computed, signal } from "./vendor/signals.js";

const KEPT = "tocsin.credential";

/** The API key or access token, null before sign-in. */
export const credential = signal(sessionStorage.getItem(KEPT));
/** What GET /me says: {name, user, person, scopes}. */
export const me = signal(null);
export const scopes = computed(() => new Set(me.value ? me.value.scopes : []));
/** Whether who is signed in has all of these scopes. */
export const may = (...wanted) => wanted.every((scope) => scopes.value.has(scope));

/** Take `secret` as what signs in; `keep` it for this tab until it is closed. None that was kept before stays. */
export function use(secret, keep = false) {
  credential.value = secret;
  if (keep) sessionStorage.setItem(KEPT, secret); else sessionStorage.removeItem(KEPT);
}

export function signOut() {
  sessionStorage.removeItem(KEPT);
  leave();
}

/** Be nobody until somebody signs in; what is kept for this tab stays, for when it is loaded anew. */
export function leave() {
  credential.value = null;
  me.value = null;
}
