// Package mail sends what people are to read outside of the browser: invitations, links to set a new
// password, warnings of budgets. Without a mail server (Configured is false) callers show the link instead.
//
// Table: mails (0110_mail.sql). Routes, the operator's (http.go): GET /admin/mail, POST /admin/mail/test.
//
// Send writes a row and enqueues a job in the caller's transaction, so that there is no mail of an act that
// was undone and no act whose mail was forgotten. The job speaks SMTP (github.com/wneessen/go-mail) over a
// connection of egress; the mail server is the operator's choice.
//
// Invariants:
//
//   - A mail goes out at least once. Twice only when the server dies between the mail server's "accepted"
//     and our note of it; both have the same Message-ID then, by which many mailboxes drop the second.
//   - What the mail server refuses for good (5xx for the sender, the recipient or the text) is given up at
//     once; all else is tried again after growing pauses, for about a day.
//   - What was given up stands in GET /admin/mail, in the log and, when it is about an organization, in its
//     audit log, with the mail server's words.
//   - The text may hold a link that signs somebody in: it is sealed in its row, removed from there as soon
//     as the mail was sent or given up, and in no log and no route. Rows go after keepFor.
//   - Addresses and subjects have no line breaks, so that nothing becomes a header.
//   - A password is spoken only over TLS, or to this machine. Except to this machine, STARTTLS is demanded
//     unless the setting says otherwise.
package mail
