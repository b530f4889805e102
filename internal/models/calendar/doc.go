// Package calendar lets an operator change, while the server runs, the table of the names that programs
// ask for: which model answers, which snapshot a name stands for from which day on, when its end was
// announced, when it is shut down, what happens then, its window and its prices.
//
// Package models holds the table itself (aliases.yaml and the configuration) and what follows from it
// today; this package keeps the changes in the database and gives them to the registry: at once on the
// server that made them, on a hint of the bus on the others, and within ten seconds if the hint was lost.
//
// Table: calendar_entries (0035_calendar.sql).
//
// Routes:
//
//	GET    /api/calendar             listCalendar        models.read
//	PUT    /api/calendar/{model...}  setCalendarEntry    models.write   for the actor's organization
//	DELETE /api/calendar/{model...}  resetCalendarEntry  models.write
//
// and the same three under /admin/calendar on the admin socket, for all organizations, or for the one
// that ?organization= names.
//
// Invariants:
//   - A change holds only what it changes; the rest stays what the layers below say, also when a new
//     version of the program brings a newer table.
//   - An organization's changes are seen by that organization alone.
//   - Each change is a line of the audit log, in the same transaction.
package calendar
