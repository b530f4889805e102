import type { ParseKeys } from "i18next";
import {
  Archive,
  Bot,
  Boxes,
  Building2,
  CalendarClock,
  ChartColumn,
  CircleUser,
  Files,
  FlaskConical,
  FolderKanban,
  Gauge,
  HeartPulse,
  KeyRound,
  LayoutDashboard,
  Landmark,
  type LucideIcon,
  MailCheck,
  MessagesSquare,
  ReceiptText,
  Megaphone,
  Network,
  ScanEye,
  ScrollText,
  ShieldCheck,
  SlidersHorizontal,
  Users,
} from "lucide-react";
import type { Need } from "@/features/session/may";

export const sections = ["start", "build", "organization", "you", "installation"] as const;

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
    id: "assistants",
    path: "/console/assistants",
    label: "assistants.title",
    icon: Bot,
    section: "build",
    needs: "assistants.read",
  },
  {
    id: "threads",
    path: "/console/threads",
    label: "assistants.threads.title",
    icon: MessagesSquare,
    section: "build",
    needs: "assistants.read",
  },
  {
    id: "files",
    path: "/console/files",
    label: "files.title",
    icon: Files,
    section: "build",
    needs: "files.read",
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
    id: "usage",
    path: "/console/usage",
    label: "usage.title",
    icon: ChartColumn,
    section: "build",
    needs: "usage.read",
  },
  {
    id: "limits",
    path: "/console/limits",
    label: "limits.title",
    icon: Gauge,
    section: "build",
    needs: "limits.read",
  },
  {
    id: "calendar",
    path: "/console/calendar",
    label: "calendar.title",
    icon: CalendarClock,
    section: "build",
    needs: "models.read",
  },
  {
    id: "members",
    path: "/console/members",
    label: "members.title",
    icon: Users,
    section: "organization",
    needs: "organization.read",
  },
  {
    id: "projects",
    path: "/console/projects",
    label: "projects.title",
    icon: FolderKanban,
    section: "organization",
    needs: "project.read",
  },
  {
    id: "billing",
    path: "/console/billing",
    label: "billing.title",
    icon: ReceiptText,
    section: "organization",
    needs: "billing.read",
  },
  {
    id: "organization",
    path: "/console/organization",
    label: "organization.title",
    icon: Building2,
    section: "organization",
    needs: "organization.read",
  },
  {
    id: "signin",
    path: "/console/signin",
    label: "account.policyTitle",
    icon: ShieldCheck,
    section: "organization",
    needs: "organization.read",
  },
  {
    id: "sso",
    path: "/console/sso",
    label: "sso.title",
    icon: Network,
    section: "organization",
    needs: "organization.read",
  },
  {
    id: "data",
    path: "/console/data",
    label: "retention.title",
    icon: Archive,
    section: "organization",
    needs: "retention.read",
  },
  {
    id: "audit",
    path: "/console/audit",
    label: "audit.title",
    icon: ScrollText,
    section: "organization",
    needs: "audit.read",
  },
  { id: "account", path: "/account", label: "account.title", icon: CircleUser, section: "you" },
  {
    id: "models",
    path: "/console/models",
    label: "catalogue.title",
    icon: Boxes,
    section: "installation",
    needs: "operator",
  },
  {
    id: "health",
    path: "/console/health",
    label: "health.title",
    icon: HeartPulse,
    section: "installation",
    needs: "operator",
  },
  {
    id: "status",
    path: "/console/status",
    label: "status.title",
    icon: Megaphone,
    section: "installation",
    needs: "operator",
  },
  {
    id: "mail",
    path: "/console/mail",
    label: "mail.title",
    icon: MailCheck,
    section: "installation",
    needs: "operator",
  },
  {
    id: "accounts",
    path: "/console/accounts",
    label: "billing.accounts",
    icon: Landmark,
    section: "installation",
    needs: "operator",
  },
  {
    id: "all-limits",
    path: "/console/all-limits",
    label: "limits.operator",
    icon: SlidersHorizontal,
    section: "installation",
    needs: "operator",
  },
  {
    id: "review",
    path: "/console/review",
    label: "review.title",
    icon: ScanEye,
    section: "installation",
    needs: "reviewer",
  },
];

/** The page of the longest path that the address begins with: an object's page belongs to its list. */
export function currentPage(all: readonly ConsolePage[], path: string): ConsolePage | undefined {
  return all
    .filter((page) => path === page.path || path.startsWith(`${page.path}/`))
    .filter((page) => page.path !== "/console" || path.replace(/\/$/, "") === "/console")
    .sort((a, b) => b.path.length - a.path.length)[0];
}
