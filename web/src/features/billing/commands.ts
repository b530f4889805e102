import { PencilLine, PiggyBank, Store } from "lucide-react";
import type { Command } from "@/features/commands/command";
import { appMay } from "@/features/session/may";
import { show } from "@/lib/ui";

export const billingCommands: Command[] = [
  {
    id: "billing.budget",
    label: "billing.setBudget",
    group: "console",
    icon: PiggyBank,
    available: (app) => appMay(app, "billing.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/billing", { dialog: "budget" });
    },
  },
  {
    id: "billing.details",
    label: "billing.editDetails",
    group: "console",
    icon: PencilLine,
    available: (app) => appMay(app, "billing.write"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/billing", { dialog: "details" });
    },
  },
  {
    id: "billing.seller",
    label: "billing.changeSeller",
    group: "console",
    icon: Store,
    available: (app) => appMay(app, "operator"),
    perform: (app) => {
      show({ drawer: false });
      app.go.console("/console/accounts", { dialog: "seller" });
    },
  },
];
