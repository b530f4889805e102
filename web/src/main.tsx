import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRouter, RouterProvider } from "@tanstack/react-router";
import { setNonce } from "get-nonce";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { onFailure } from "@/api/client";
import { ApiError, isSignedOut, Unreachable } from "@/api/errors";
import { Toaster } from "@/components/ui/toaster";
import { TooltipProvider } from "@/components/ui/tooltip";
import { createChatRuns } from "@/features/chats/api";
import { sessionKey } from "@/features/session/api";
import { followSystemTheme, storedLanguage } from "@/features/settings/preferences";
import { initI18n, pickLanguage } from "@/i18n";
import { type App, AppProvider } from "@/lib/app";
import { ChunkMissing } from "@/lib/chunk";
import { Failed } from "@/routes/Failed";
import { routeTree } from "@/routes/tree";
import "./styles.css";

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // The server has said no: asking again changes nothing.
      retry: (count, error) => !(error instanceof ApiError && error.status < 500) && count < 2,
      // A server on this machine answers without any network.
      networkMode: "always",
    },
  },
});

// The session's state is what the whole page goes by: whatever finds it ended, or the server gone, has it asked for
// again, until there is an answer. Not what asks for the session itself.
onFailure((error) => {
  if (!isSignedOut(error) && !(error instanceof Unreachable)) return;
  if (queryClient.isFetching({ queryKey: sessionKey }) === 0)
    void queryClient.invalidateQueries({ queryKey: sessionKey });
});

const app: App = {
  queryClient,
  runs: createChatRuns(queryClient),
  go: {
    home: () => void router.navigate({ to: "/" }),
    chat: (chatId) => void router.navigate({ to: "/c/$chatId", params: { chatId } }),
    settings: () => void router.navigate({ to: "/settings" }),
    tokenizer: () => void router.navigate({ to: "/tokenizer" }),
    console: (path, params = {}) => void router.navigate({ to: path, search: params }),
    signIn: () => void router.navigate({ to: "/signin" }),
  },
};

const router = createRouter({ routeTree, context: { app }, defaultErrorComponent: Failed });

declare module "@tanstack/react-router" {
  // eslint-disable-next-line @typescript-eslint/consistent-type-definitions -- merged with the library's
  interface Register {
    router: typeof router;
  }
}

// The one <style> element that dialogs add (to hold the page still) passes the content security policy by this.
const nonce = document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.nonce;
if (nonce) setNonce(nonce);

followSystemTheme();
await initI18n(pickLanguage(storedLanguage(), navigator.languages));

const element = document.getElementById("root");
if (!element) throw new Error("index.html has no #root");
createRoot(element, {
  // The page says that it was not fetched: no fault of the code.
  onCaughtError: (error) => {
    if (!(error instanceof ChunkMissing)) console.error(error);
  },
}).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <AppProvider value={app}>
        <TooltipProvider delayDuration={350}>
          <RouterProvider router={router} />
          <Toaster />
        </TooltipProvider>
      </AppProvider>
    </QueryClientProvider>
  </StrictMode>,
);
