// Package status tells the public how the server is: components with their present state and their uptime by day, and
// incidents with what was written about them. It says nothing of any organization.
//
// # Tables (0150_status.sql)
//
//	status_days       minutes by component, day (UTC) and state; days older than keepDays are removed
//	status_marks      one per component: the last minute that was counted, and since when it is down
//	status_incidents  what went wrong, opened by the server itself or by an operator
//	status_updates    what was written about it
//
// # Routes
//
// Public, when the setting status_page allows them (Public in page.go):
//
//	GET /status                              the page: HTML that the server writes, without scripts
//	GET /status.atom                         the feed of incidents
//	GET /status.json                         the same as /api/v2/summary.json
//	GET /api/v2/{summary,status,components,incidents}.json, /api/v2/incidents/unresolved.json
//
// in the shape of Atlassian's Statuspage, which status pages of that time had. For the operator, on the admin socket and
// as /api/operator/…: GET /admin/components, and /admin/incidents with what lies below it.
//
// # What is counted
//
// Every probeEvery each component is probed. A minute counts with the worst that any server of the database found in it.
// Minutes in which no server ran are counted as absent by the next that runs: nobody was answered then, so they are no
// uptime, and the page says that they were not down but not there. Before the first minute there is no data. While the
// database cannot be written the minutes wait in memory, at most a day of them.
//
// Uptime is the share of minutes that were operational or degraded. A component is what its probe says, or worse when
// requests fail: with three or more answers of 5xx in the last five minutes it is degraded from 5 % on and down from
// half of them on.
//
// # Invariants
//
//   - No state is written by hand: operators write words, never colors.
//   - A minute is counted once, however many servers run.
//   - An incident is opened when a component was down for downFor minutes in a row, or when no server ran for so long,
//     and closed when it is back. What an operator wrote or closed stays as it is.
//   - The page answers while the database does not: it shows what was read last and what is probed now.
package status
