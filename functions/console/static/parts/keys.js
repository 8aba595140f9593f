/** Keys that work wherever nothing is being typed. */
import { useEffect, useRef } from "../vendor/preact-hooks.js";

const typing = (target) => target.closest && target.closest("input, textarea, select, dialog, [contenteditable]");

/** @param {Object<string, () => void>} handlers what each key does, by `KeyboardEvent.key` */
export function useKeys(handlers) {
  const latest = useRef(handlers);
  latest.current = handlers;
  useEffect(() => {
    const pressed = (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      const handler = latest.current[event.key];
      if (!handler) return;
      event.preventDefault();
      handler();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}
