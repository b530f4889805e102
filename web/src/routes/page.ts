import { lazyRouteComponent } from "@tanstack/react-router";
import { chunk } from "@/lib/chunk";

/** A page that is a chunk of its own: see lib/chunk.ts for what becomes of one that does not come. */
export const lazyPage: typeof lazyRouteComponent = (importer, exportName) =>
  lazyRouteComponent(() => chunk(importer), exportName);
