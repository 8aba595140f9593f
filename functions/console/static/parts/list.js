/**
 * A list of which only what is in sight is in the document: 10,000 rows cost what fifty do. All rows are equally high.
 * By keyboard: j/k or the arrows move, Enter opens, Home and End go to the ends.
 */
import { useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { html } from "../html.js";
import { useKeys } from "./keys.js";

const BEYOND = 12;

/**
 * @param {{label: string, items: {id: string}[], chosen?: string, choose: (item: object) => void,
 *   row: (item: object) => unknown, rowClass?: (item: object) => string, atEnd?: () => void, turn?: string}} properties
 *   `atEnd` is called when the last rows come into sight; while they are, once more with each `turn`: a page may have
 *   nothing that is not here already.
 */
export function List({ label, items, chosen, choose, row, rowClass, atEnd, turn }) {
  const box = useRef(null);
  const [view, setView] = useState({ top: 0, height: 600, row: 44 });
  const look = () => {
    const height = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 44;
    const next = { top: box.current.scrollTop, height: box.current.clientHeight, row: height };
    setView((before) => (["top", "height", "row"].every((name) => before[name] === next[name]) ? before : next));
  };
  useLayoutEffect(() => {
    look();
    const watcher = new ResizeObserver(look);
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(view.top / view.row) - BEYOND);
  const end = Math.min(items.length, Math.ceil((view.top + view.height) / view.row) + BEYOND);
  useEffect(() => { if (atEnd && end >= items.length && items.length) atEnd(); }, [end, items.length, turn]);

  const at = items.findIndex((item) => item.id === chosen);
  const show = (position) => {
    const item = items[Math.max(0, Math.min(items.length - 1, position))];
    if (!item) return;
    const top = items.indexOf(item) * view.row;
    if (top < box.current.scrollTop) box.current.scrollTop = top;
    if (top + view.row > box.current.scrollTop + view.height) box.current.scrollTop = top + view.row - view.height;
    choose(item);
  };
  useKeys({ j: () => show(at + 1), k: () => show(at < 0 ? 0 : at - 1) });
  const pressed = (event) => {
    const to = { ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    show(to);
  };
  return html`<div class="list" ref=${box} onScroll=${look} role="listbox" tabindex="0" aria-label=${label}
      aria-activedescendant=${at >= first && at < end ? `row-${chosen}` : undefined} onKeyDown=${pressed}>
    <div class="rows" role="presentation" style=${{ height: `${items.length * view.row}px` }}>
      ${items.slice(first, end).map((item, position) => html`<div key=${item.id} id=${`row-${item.id}`}
        class=${`item ${rowClass ? rowClass(item) : ""}`} role="option" aria-selected=${item.id === chosen}
        aria-posinset=${first + position + 1} aria-setsize=${items.length}
        style=${{ top: `${(first + position) * view.row}px` }} onClick=${() => choose(item)}>${row(item)}</div>`)}
    </div>
  </div>`;
}
