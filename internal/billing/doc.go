// Package billing says what organizations may spend and what they owe: monthly budgets of an organization and of its projects, credit, and
// invoices. What requests have cost is in the books of package usage; nothing is paid here.
//
// Tables (0121_billing.sql): billing_accounts, billing_budgets, billing_notices, billing_grants, billing_settled, billing_invoices,
// billing_months, billing_seller.
//
// Routes:
//
//	GET    /api/billing                                  getBilling…        billing.read
//	PUT    /api/billing/details                          …                  billing.write
//	GET    /api/billing/state                            getBillingState    usage.read
//	GET    /api/billing/budgets, PUT and DELETE …/{subject}                 billing.read, billing.write
//	GET    /api/billing/credits                                             billing.read
//	GET    /api/billing/invoices, …/{invoice}, …/{invoice}/pdf              billing.read
//	GET    /v1/dashboard/billing/subscription, /credit_grants               billing.read, as programs of 2023 asked, also without /v1
//
// and all of /api/billing under /admin/billing for any organization; there alone are plans, grants of credit, and the seller.
//
// Whether a request may be made is decided in memory (Meter): what the month has cost until now, which the books correct whenever something
// was spent here, when another server on the same database says that it has spent (a hint of the bus), and twice a minute.
//
// Invariants:
//
//   - A request is refused when what was spent has reached a hard limit, or, of a prepaid organization, its credit. What is being answered
//     then goes on: a month may cost more than its limit by what was in flight, on several servers also by what the others answered within
//     the second or two until they are told.
//   - What a server has spent is known to itself before the answer ends. After a restart it is read from the books.
//   - A soft limit, a hard limit and the end of prepaid credit are told once for each month and threshold, by mail and in the console.
//   - Credit pays what was spent while it was good, the grant that expires first before the others, each billionth once.
//   - A month is closed once, an hour after its end in UTC: an invoice for each organization that has cost something. Its lines come to what
//     the books say, to the billionth. Invoices are numbered without gaps and are never changed.
//   - A change is a line of the audit log, in the same transaction.
package billing
