import { createRoute, type RouteComponent } from "@tanstack/react-router";
import { asParams } from "@/components/console/search";
import { lazyPage } from "./page";
import { root } from "./root";

/**
 * The pages of the console: a line for each. The way to it from the sidebar and the palette is a line of
 * features/console/nav.ts; the page of one object (/console/projects/$projectId) has none.
 */
export const consoleShell = createRoute({
  getParentRoute: () => root,
  id: "console",
  validateSearch: asParams,
  component: lazyPage(() => import("@/features/console/ConsoleShell"), "ConsoleShell"),
});

function page<Path extends string>(path: Path, component: RouteComponent) {
  return createRoute({ getParentRoute: () => consoleShell, path, component });
}

export const consolePages = [
  page(
    "/console",
    lazyPage(() => import("@/features/overview/OverviewPage"), "OverviewPage"),
  ),
  page(
    "/console/playground",
    lazyPage(() => import("@/features/playground/PlaygroundPage"), "PlaygroundPage"),
  ),
  page(
    "/console/keys",
    lazyPage(() => import("@/features/keys/KeysPage"), "KeysPage"),
  ),
  page(
    "/console/assistants",
    lazyPage(() => import("@/features/assistants/AssistantsPage"), "AssistantsPage"),
  ),
  page(
    "/console/assistants/$assistantId",
    lazyPage(() => import("@/features/assistants/AssistantPage"), "AssistantPage"),
  ),
  page(
    "/console/threads",
    lazyPage(() => import("@/features/assistants/ThreadsPage"), "ThreadsPage"),
  ),
  page(
    "/console/threads/$threadId",
    lazyPage(() => import("@/features/assistants/ThreadPage"), "ThreadPage"),
  ),
  page(
    "/console/files",
    lazyPage(() => import("@/features/files/FilesPage"), "FilesPage"),
  ),
  page(
    "/console/files/$fileId",
    lazyPage(() => import("@/features/files/FilePage"), "FilePage"),
  ),
  page(
    "/console/calendar",
    lazyPage(() => import("@/features/calendar/CalendarPage"), "CalendarPage"),
  ),
  page(
    "/console/health",
    lazyPage(() => import("@/features/health/HealthPage"), "HealthPage"),
  ),
  page(
    "/console/status",
    lazyPage(() => import("@/features/status/StatusPage"), "StatusPage"),
  ),
  page(
    "/console/models",
    lazyPage(() => import("@/features/catalogue/ModelsPage"), "ModelsPage"),
  ),
  page(
    "/console/usage",
    lazyPage(() => import("@/features/usage/UsagePage"), "UsagePage"),
  ),
  page(
    "/account",
    lazyPage(() => import("@/features/account/AccountPage"), "AccountPage"),
  ),
  page(
    "/console/signin",
    lazyPage(() => import("@/features/account/PolicyPage"), "PolicyPage"),
  ),
  page(
    "/console/members",
    lazyPage(() => import("@/features/members/MembersPage"), "MembersPage"),
  ),
  page(
    "/console/projects",
    lazyPage(() => import("@/features/projects/ProjectsPage"), "ProjectsPage"),
  ),
  page(
    "/console/projects/$projectId",
    lazyPage(() => import("@/features/projects/ProjectPage"), "ProjectPage"),
  ),
  page(
    "/console/audit",
    lazyPage(() => import("@/features/audit/AuditPage"), "AuditPage"),
  ),
  page(
    "/console/limits",
    lazyPage(() => import("@/features/limits/LimitsPage"), "LimitsPage"),
  ),
  page(
    "/console/all-limits",
    lazyPage(() => import("@/features/limits/OperatorLimitsPage"), "OperatorLimitsPage"),
  ),
  page(
    "/console/data",
    lazyPage(() => import("@/features/retention/DataPage"), "DataPage"),
  ),
  page(
    "/console/review",
    lazyPage(() => import("@/features/review/ReviewPage"), "ReviewPage"),
  ),
  page(
    "/console/review/$itemId",
    lazyPage(() => import("@/features/review/ItemPage"), "ItemPage"),
  ),
  page(
    "/console/billing",
    lazyPage(() => import("@/features/billing/BillingPage"), "BillingPage"),
  ),
  page(
    "/console/accounts",
    lazyPage(() => import("@/features/billing/AccountsPage"), "AccountsPage"),
  ),
  page(
    "/console/accounts/$organization",
    lazyPage(() => import("@/features/billing/AccountPage"), "AccountPage"),
  ),
  page(
    "/console/sso",
    lazyPage(() => import("@/features/sso/SsoPage"), "SsoPage"),
  ),
  page(
    "/console/organization",
    lazyPage(() => import("@/features/organization/OrganizationPage"), "OrganizationPage"),
  ),
  page(
    "/console/mail",
    lazyPage(() => import("@/features/mail/MailPage"), "MailPage"),
  ),
];
