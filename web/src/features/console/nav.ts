import type { ParseKeys } from "i18next";
import {
  SlidersHorizontal,
  Gauge,
  ChartColumn,
  CircleUser,
  FlaskConical,
  KeyRound,
  LayoutDashboard,
  ShieldCheck,
  type LucideIcon,
} from "lucide-react";
import type { Need } from "@/features/session/may";

export const sections = ["start", "build", "organization", "installation"] as const;

export type ConsolePage = {
  id: string;
  path: string;
  label: ParseKeys;
  icon: LucideIcon;
  section: (typeof sections)[number];
  /** Left out: everybody who is signed in. */
  needs?: Need;
};

/** Every page of the console, in the order of its sidebar. The sidebar and the "Go to …" commands are made of it. */
export const pages: readonly ConsolePage[] = [
  { id: "overview", path: "/console", label: "overview.title", icon: LayoutDashboard, section: "start" },
  {
    id: "playground",
    path: "/console/playground",
    label: "playground.title",
    icon: FlaskConical,
    section: "build",
  },
  {
    id: "keys",
    path: "/console/keys",
    label: "keys.title",
    icon: KeyRound,
    section: "build",
    needs: "keys.read",
  },
  {
    id: "signin",
    path: "/console/signin",
    label: "account.policyTitle",
    icon: ShieldCheck,
    section: "organization",
    needs: "organization.read",
  },
  { id: "account", path: "/account", label: "account.title", icon: CircleUser, section: "start" },
  {
    id: "usage",
    path: "/console/usage",
    label: "usage.title",
    icon: ChartColumn,
    section: "organization",
    needs: "usage.read",
  },
  {
    id: "limits",
    path: "/console/limits",
    label: "limits.title",
    icon: Gauge,
    section: "organization",
    needs: "limits.read",
  },
  {
    id: "all-limits",
    path: "/console/all-limits",
    label: "limits.operator",
    icon: SlidersHorizontal,
    section: "installation",
    needs: "operator",
  },
];
