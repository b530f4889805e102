import { createRoute, lazyRouteComponent, type RouteComponent } from "@tanstack/react-router";
import { asParams } from "@/components/console/search";
import { root } from "./root";

/**
 * The pages of the console: a line for each. The way to it from the sidebar and the palette is a line of
 * features/console/nav.ts; the page of one object (/console/projects/$projectId) has none.
 */
export const consoleShell = createRoute({
  getParentRoute: () => root,
  id: "console",
  validateSearch: asParams,
  component: lazyRouteComponent(() => import("@/features/console/ConsoleShell"), "ConsoleShell"),
});

function page<Path extends string>(path: Path, component: RouteComponent) {
  return createRoute({ getParentRoute: () => consoleShell, path, component });
}

export const consolePages = [
  page(
    "/console",
    lazyRouteComponent(() => import("@/features/overview/OverviewPage"), "OverviewPage"),
  ),
  page(
    "/console/playground",
    lazyRouteComponent(() => import("@/features/playground/PlaygroundPage"), "PlaygroundPage"),
  ),
  page(
    "/console/keys",
    lazyRouteComponent(() => import("@/features/keys/KeysPage"), "KeysPage"),
  ),
  page(
    "/console/calendar",
    lazyRouteComponent(() => import("@/features/calendar/CalendarPage"), "CalendarPage"),
  ),
  page(
    "/console/health",
    lazyRouteComponent(() => import("@/features/health/HealthPage"), "HealthPage"),
  ),
  page(
    "/console/status",
    lazyRouteComponent(() => import("@/features/status/StatusPage"), "StatusPage"),
  ),
  page(
    "/console/models",
    lazyRouteComponent(() => import("@/features/catalogue/ModelsPage"), "ModelsPage"),
  ),
  page(
    "/console/usage",
    lazyRouteComponent(() => import("@/features/usage/UsagePage"), "UsagePage"),
  ),
  page(
    "/account",
    lazyRouteComponent(() => import("@/features/account/AccountPage"), "AccountPage"),
  ),
  page(
    "/console/signin",
    lazyRouteComponent(() => import("@/features/account/PolicyPage"), "PolicyPage"),
  ),
  page(
    "/console/members",
    lazyRouteComponent(() => import("@/features/members/MembersPage"), "MembersPage"),
  ),
  page(
    "/console/projects",
    lazyRouteComponent(() => import("@/features/projects/ProjectsPage"), "ProjectsPage"),
  ),
  page(
    "/console/projects/$projectId",
    lazyRouteComponent(() => import("@/features/projects/ProjectPage"), "ProjectPage"),
  ),
  page(
    "/console/audit",
    lazyRouteComponent(() => import("@/features/audit/AuditPage"), "AuditPage"),
  ),
  page(
    "/console/limits",
    lazyRouteComponent(() => import("@/features/limits/LimitsPage"), "LimitsPage"),
  ),
  page(
    "/console/all-limits",
    lazyRouteComponent(() => import("@/features/limits/OperatorLimitsPage"), "OperatorLimitsPage"),
  ),
  page(
    "/console/data",
    lazyRouteComponent(() => import("@/features/retention/DataPage"), "DataPage"),
  ),
  page(
    "/console/review",
    lazyRouteComponent(() => import("@/features/review/ReviewPage"), "ReviewPage"),
  ),
  page(
    "/console/review/$itemId",
    lazyRouteComponent(() => import("@/features/review/ItemPage"), "ItemPage"),
  ),
  page(
    "/console/billing",
    lazyRouteComponent(() => import("@/features/billing/BillingPage"), "BillingPage"),
  ),
  page(
    "/console/accounts",
    lazyRouteComponent(() => import("@/features/billing/AccountsPage"), "AccountsPage"),
  ),
  page(
    "/console/accounts/$organization",
    lazyRouteComponent(() => import("@/features/billing/AccountPage"), "AccountPage"),
  ),
  page(
    "/console/sso",
    lazyRouteComponent(() => import("@/features/sso/SsoPage"), "SsoPage"),
  ),
  page(
    "/console/organization",
    lazyRouteComponent(() => import("@/features/organization/OrganizationPage"), "OrganizationPage"),
  ),
  page(
    "/console/mail",
    lazyRouteComponent(() => import("@/features/mail/MailPage"), "MailPage"),
  ),
];
