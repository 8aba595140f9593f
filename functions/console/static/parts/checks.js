/** What the API says of an entry while it is edited: a PUT that is not carried out, a moment after the last change. */
import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { ask } from "../api.js";

const PAUSE_MS = 400;
/**
 * @param {string} path of the entry
 * @param {object | null} value null while there is nothing to check
 * @param {string | null} version of what is stored: another one is another question
 * @param {boolean} fresh whether nothing is to be there yet
 * @returns {{problem: Error | null, changes: object[] | null, busy: boolean}} `problem` is the API's refusal
 */
export function useCheck(path, value, version, fresh) {
  const [state, setState] = useState({ problem: null, changes: null, of: null });
  const asked = value === null ? null : JSON.stringify([path, value, version]);
  const latest = useRef(null);
  latest.current = asked;
  useEffect(() => {
    if (asked === null) return undefined;
    const aborter = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const { data } = await ask("PUT", path, { body: value, query: { dry_run: "true" }, fresh, signal: aborter.signal });
        if (latest.current === asked) setState({ problem: null, changes: data.changes, of: asked });
      } catch (problem) {
        if (problem.name !== "AbortError" && latest.current === asked) setState({ problem, changes: null, of: asked });
      }
    }, PAUSE_MS);
    return () => { clearTimeout(timer); aborter.abort(); };
  }, [asked]);
  return { problem: state.problem, changes: state.changes, busy: asked !== null && state.of !== asked };
}

/** `bindings[0].policy` as its parts: ["bindings", 0, "policy"]. */
const partsOf = (path) => [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) => (index === undefined ? name : Number(index)));

/**
 * Where in a text of JSON the value at a path is, or the nearest one around it that is there.
 * @returns {{start: number, end: number, line: number}}
 */
export function placeOf(text, path) {
  const wanted = partsOf(path);
  let at = 0;
  let found = { start: 0, end: text.length };
  const blank = () => { while (at < text.length && /[\s,:]/.test(text[at])) at += 1; };
  const string = () => {
    const start = at;
    for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === "\\") at += 1;
    at += 1;
    return text.slice(start, at);
  };
  /** Read the value at `at`; `on` says whether the way to it is that of the path. */
  const value = (depth, on) => {
    blank();
    const start = at;
    if (text[at] === '"') string();
    else if (text[at] === "{" || text[at] === "[") {
      const list = text[at] === "[";
      at += 1;
      for (let index = 0; at < text.length; index += 1) {
        blank();
        if (text[at] === "]" || text[at] === "}") break;
        const key = list ? index : named(string());
        value(depth + 1, on && wanted[depth] === key);
      }
      at += 1;
    } else while (at < text.length && !/[\s,\]}]/.test(text[at])) at += 1;
    if (on && depth > (found.depth ?? -1)) found = { start, end: at, depth };
  };
  value(0, true);
  return { start: found.start, end: found.end, line: text.slice(0, found.start).split("\n").length };
}

function named(quoted) {
  try { return JSON.parse(quoted); } catch { return quoted; }
}
