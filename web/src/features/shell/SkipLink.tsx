import type { ReactNode } from "react";

/** The first tab stop: past the sidebar, to the element of that id or, where there is none, to the page. */
export function SkipLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <a
      href={`#${to}`}
      onClick={(event) => {
        event.preventDefault();
        (document.getElementById(to) ?? document.getElementById("main"))?.focus();
      }}
      className="sr-only rounded-lg bg-primary px-4 py-2 text-primary-foreground focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-60"
    >
      {children}
    </a>
  );
}
