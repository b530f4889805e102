import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

/** What stands in the address after the ?, as words. Pages of the console keep there what a link should bring back. */
export type Params = Readonly<Record<string, string | undefined>>;

/** The router reads values as JSON: a name of digits arrives as a number, and is a word again here. */
export function asParams(search: Record<string, unknown>): Params {
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(search)) {
    if (typeof value === "string") out[key] = value;
    else if (typeof value === "number" || typeof value === "boolean") out[key] = String(value);
  }
  return out;
}

/**
 * The address's parameters and what changes them: `undefined` takes one out. A change replaces the entry in the history,
 * so that Back leads to the page before, unless `push` says that this is a place of its own (a dialog, an object).
 */
export function useParamsState(): [
  params: Params,
  change: (change: Params, options?: { push?: boolean }) => void,
] {
  const params = asParams(useSearch({ strict: false }));
  const navigate = useNavigate();
  const change = useCallback(
    (next: Params, { push = false }: { push?: boolean } = {}) => {
      void navigate({
        to: ".",
        search: (current: Record<string, unknown>) => clean({ ...asParams(current), ...next }),
        replace: !push,
        resetScroll: false,
      });
    },
    [navigate],
  );
  return [params, change];
}

function clean(params: Params): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") out[key] = value;
  }
  return out;
}

/**
 * Whether a dialog is open, by `?dialog=name`: it can be linked to, commands open it, and Back closes it. `subject` names
 * what it is about (`?dialog=edit&subject=key_1`).
 */
export function useDialogParam(name: string): {
  open: boolean;
  subject: string | undefined;
  show: (subject?: string) => void;
  close: () => void;
} {
  const [params, change] = useParamsState();
  const open = params.dialog === name;
  return {
    open,
    subject: open ? params.subject : undefined,
    show: (subject) => change({ dialog: name, subject }, { push: true }),
    close: () => change({ dialog: undefined, subject: undefined }),
  };
}
