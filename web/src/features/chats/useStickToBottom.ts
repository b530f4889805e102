import { useCallback, useEffect, useRef, useState } from "react";

const near = 48; // pixels from the end that still count as being there

/**
 * Keeps a growing list at its end while the reader is there, and leaves it alone as soon as they scroll up.
 * Attach `scroller` to the element that scrolls and `content` to what grows inside.
 */
export function useStickToBottom() {
  const [element, scroller] = useState<HTMLElement | null>(null);
  const [inner, content] = useState<HTMLElement | null>(null);
  const [atBottom, setAtBottom] = useState(true);
  const stuck = useRef(true);

  const stick = useCallback((value: boolean) => {
    stuck.current = value;
    setAtBottom(value);
  }, []);

  const toBottom = useCallback(
    (behavior: ScrollBehavior = "auto") => {
      stick(true);
      element?.scrollTo({ top: element.scrollHeight, behavior });
    },
    [element, stick],
  );

  useEffect(() => {
    if (!element || !inner) return;
    let last = element.scrollTop;

    function onScroll() {
      if (!element) return;
      const { scrollTop, scrollHeight, clientHeight } = element;
      const atEnd = scrollHeight - scrollTop - clientHeight < near;
      // Growth alone moves nothing up: only a reader does.
      if (atEnd) stick(true);
      else if (scrollTop < last) stick(false);
      last = scrollTop;
    }
    function onWheel(event: WheelEvent) {
      // At once, before the next token pulls the page down again.
      if (event.deltaY < 0 && element && element.scrollHeight > element.clientHeight) stick(false);
    }
    const observer = new ResizeObserver(() => {
      if (stuck.current) element.scrollTop = element.scrollHeight;
    });

    element.addEventListener("scroll", onScroll, { passive: true });
    element.addEventListener("wheel", onWheel, { passive: true });
    observer.observe(inner);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", onScroll);
      element.removeEventListener("wheel", onWheel);
      observer.disconnect();
    };
  }, [element, inner, stick]);

  return { scroller, content, atBottom, toBottom };
}
