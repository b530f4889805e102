// Package health tells the operator how a server is: one line for each thing that it needs, with what to do when it is
// not well, and the figures behind it. What it says is of this moment; what was is told by package status.
//
// It has no tables. Routes, on the admin socket and as /api/operator/… for the operator's browser sessions:
//
//	GET    /admin/health            adminHealth
//	GET    /admin/jobs              adminListJobs     those that failed or are to be tried again
//	POST   /admin/jobs/{job}/retry  adminRetryJob
//	DELETE /admin/jobs/{job}        adminDiscardJob
//
// `parley admin health` and `parley doctor --server` print the same.
//
// Invariants:
//   - A check never takes longer than checkTime, and one that fails does not keep the others from being told.
//   - Each line has a code, from which pages in other languages make their own words; text and advice are English.
//   - Nothing here is for anybody but the operator: lines name files, servers and errors.
package health
