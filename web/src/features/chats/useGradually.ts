import { type RefObject, startTransition, useEffect, useLayoutEffect, useRef, useState } from "react";

const step = 30;

/**
 * How many of a long list's last items to render just now: first the end, which the reader sees, then piece after
 * piece what lies above, so that opening a long chat never holds the page still. In the end all are there: the
 * browser's own search and screen readers find everything. What stands in view stays where it is meanwhile.
 */
export function useGradually(total: number, content: RefObject<HTMLElement | null>): number {
  const [count, setCount] = useState(step);

  useEffect(() => {
    if (count >= total) return;
    const timer = setTimeout(() => startTransition(() => setCount((c) => c + step)));
    return () => clearTimeout(timer);
  }, [count, total]);

  const top = useRef<{ first: Element; at: number; rest: number }>(null); // rest: what scrolling rounded off
  useLayoutEffect(() => {
    const list = content.current;
    const scroller = list?.parentElement;
    const before = top.current;
    let pushed = 0;
    if (list && scroller && before?.first.isConnected) {
      pushed = before.rest + offset(before.first, list) - before.at;
      const from = scroller.scrollTop;
      if (pushed >= 1) scroller.scrollBy(0, pushed);
      pushed -= scroller.scrollTop - from;
    }
    const first = list?.firstElementChild;
    top.current = list && first ? { first, at: offset(first, list), rest: pushed } : null;
  }, [count, content]);

  return count;
}

function offset(item: Element, list: Element): number {
  return item.getBoundingClientRect().top - list.getBoundingClientRect().top;
}
