import { useSyncExternalStore } from "react";

/** Follows a media query. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = window.matchMedia(query);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    () => window.matchMedia(query).matches,
  );
}

/** Room for the sidebar beside the page; narrower screens get it as a drawer. */
export const wide = "(min-width: 768px)";

/** Fingers have no Shift key at hand: there Enter makes a new line and a button sends. */
export const touch = "(pointer: coarse)";
