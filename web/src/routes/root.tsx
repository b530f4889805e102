import { createRootRouteWithContext } from "@tanstack/react-router";
import type { App } from "@/lib/app";
import { NotFound } from "./NotFound";

export const root = createRootRouteWithContext<{ app: App }>()({ notFoundComponent: NotFound });
