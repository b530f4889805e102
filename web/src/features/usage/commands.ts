import { ChartColumn, Gauge, ListTree } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import type { Tab } from "./useUsageState";

const open = (tab: Tab, label: Command["label"], icon: Command["icon"]): Command => ({
  id: `usage.${tab}`,
  label,
  group: "console",
  icon,
  available: (app) => appMay(app, "usage.read"),
  perform: (app) => app.go.console("/console/usage", { tab }),
});

/** What the usage page can be opened at. */
export const usageCommands: Command[] = [
  open("activity", "usage.commands.activity", ChartColumn),
  open("latency", "usage.commands.latency", Gauge),
  open("requests", "usage.commands.requests", ListTree),
];
