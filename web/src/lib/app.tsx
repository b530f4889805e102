import type { QueryClient } from "@tanstack/react-query";
import { createContext, use } from "react";
import type { Runs } from "@/features/chats/runs";

/** What commands and pages work with; built once in main.tsx. */
export type App = {
  queryClient: QueryClient;
  runs: Runs;
  go: {
    home: () => void;
    chat: (id: string) => void;
    settings: () => void;
    tokenizer: () => void;
    /** A page of the console by its path, and what its address says after the ?. */
    console: (path: string, params?: Record<string, string>) => void;
    signIn: () => void;
  };
};

const AppContext = createContext<App | null>(null);

export const AppProvider = AppContext.Provider;

export function useApp(): App {
  const app = use(AppContext);
  if (!app) throw new Error("useApp outside of AppProvider");
  return app;
}
