import { queryOptions } from "@tanstack/react-query";
import { api, data, download } from "@/api/client";
import { allPages } from "@/api/pages";
import type { components } from "@/api/schema";

export type Billing = components["schemas"]["Billing"];
export type Budget = components["schemas"]["Budget"];
export type Credit = components["schemas"]["BillingCreditGrant"];
export type Invoice = components["schemas"]["Invoice"];
export type Account = components["schemas"]["BillingAccount"];
export type Seller = components["schemas"]["BillingSeller"];
export type Details = components["schemas"]["BillingDetailsRequest"];
export type NewCredit = components["schemas"]["BillingCreditGrantRequest"];
export type Plan = Billing["plan"];

export const billingKey = ["billing"] as const;

export const billingQuery = queryOptions({
  queryKey: [...billingKey, "overview"],
  queryFn: () => data(api.GET("/api/billing")),
});

/** Whether requests go through: for the line above every page. */
export const stateQuery = queryOptions({
  queryKey: [...billingKey, "state"],
  queryFn: () => data(api.GET("/api/billing/state")),
  refetchInterval: 30_000,
  retry: false,
});

export const budgetsQuery = queryOptions({
  queryKey: [...billingKey, "budgets"],
  queryFn: async () => (await data(api.GET("/api/billing/budgets"))).data,
});

export const creditsQuery = queryOptions({
  queryKey: [...billingKey, "credits"],
  queryFn: async () => (await data(api.GET("/api/billing/credits"))).data,
});

export const invoicesQuery = queryOptions({
  queryKey: [...billingKey, "invoices"],
  queryFn: () => allPages<Invoice>((query) => data(api.GET("/api/billing/invoices", { params: { query } }))),
});

/** subject is the organization's or a project's id. */
export async function setBudget(subject: string, soft: number | null, hard: number | null): Promise<void> {
  await api.PUT("/api/billing/budgets/{subject}", {
    params: { path: { subject } },
    body: { ...(soft !== null && { soft_limit_usd: soft }), ...(hard !== null && { hard_limit_usd: hard }) },
  });
}

export async function removeBudget(subject: string): Promise<void> {
  await api.DELETE("/api/billing/budgets/{subject}", { params: { path: { subject } } });
}

export async function setDetails(body: Details): Promise<void> {
  await api.PUT("/api/billing/details", { body });
}

/** Saves an invoice's PDF. The operator's are those of every organization. */
export function savePDF(invoice: Invoice, operator = false): Promise<void> {
  const path = operator ? "/api/operator/billing" : "/api/billing";
  return download(`${path}/invoices/${encodeURIComponent(invoice.id)}/pdf`, `${invoice.number}.pdf`);
}

export const accountsQuery = queryOptions({
  queryKey: [...billingKey, "accounts"],
  queryFn: () =>
    allPages(async (query) => {
      const page = await data(api.GET("/api/operator/billing/accounts", { params: { query } }));
      return { ...page, data: page.data.map((account) => ({ ...account, id: account.organization_id })) };
    }),
});

export const sellerQuery = queryOptions({
  queryKey: [...billingKey, "seller"],
  queryFn: () => data(api.GET("/api/operator/billing/seller")),
});

export const accountCreditsQuery = (organization: string) =>
  queryOptions({
    queryKey: [...billingKey, "accounts", organization, "credits"],
    queryFn: async () =>
      (await data(api.GET("/api/operator/billing/credits", { params: { query: { organization } } }))).data,
  });

export const accountInvoicesQuery = (organization: string) =>
  queryOptions({
    queryKey: [...billingKey, "accounts", organization, "invoices"],
    queryFn: () =>
      allPages<Invoice>((query) =>
        data(api.GET("/api/operator/billing/invoices", { params: { query: { ...query, organization } } })),
      ),
  });

export async function setSeller(body: Omit<Seller, "object">): Promise<void> {
  await api.PUT("/api/operator/billing/seller", { body });
}

export async function setPlan(organization: string, plan: Plan): Promise<void> {
  await api.PUT("/api/operator/billing/plan", { params: { query: { organization } }, body: { plan } });
}

export async function giveCredit(organization: string, body: NewCredit): Promise<void> {
  await api.POST("/api/operator/billing/credits", { params: { query: { organization } }, body });
}

export async function revokeCredit(grant: string): Promise<void> {
  await api.DELETE("/api/operator/billing/credits/{grant}", { params: { path: { grant } } });
}
