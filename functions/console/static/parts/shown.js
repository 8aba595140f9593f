/** What a link in a message asks to be shown first. */
import { useEffect } from "../vendor/preact-hooks.js";

/** Bring an element of the page into view once `ready`, where the address asks for it. */
export function useShown(ready, id) {
  useEffect(() => {
    const target = ready && id && document.getElementById(id);
    if (target) target.scrollIntoView({ block: "start" });
  }, [Boolean(ready), id]);
}
