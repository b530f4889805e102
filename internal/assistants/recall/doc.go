// Package recall chooses what the model sees of a thread, so that a thread may go on without end: the newest messages as they are, a
// running summary in place of the older ones, and those of the older ones that have the words of the question.
//
// # Tables (migration 0200)
//
//	thread_summaries  one per thread that outgrew its window once: the summary and the position up to which it goes
//	thread_terms      one per word of a thread's older messages: the newest of their positions
//
// # Costs
//
// View reads the messages that fit, one summary and a few rows of words: the same for the 10,000th message as for the hundredth.
// Fold is called behind a run and does nothing until the messages that no summary covers take three quarters of what the model may
// see; it then has the model put the older half of them into the summary. So each message is summarized once, and the cost of a
// message stays the same, however many came before it. No answer waits for a summary: what is too much before Fold comes to it is
// left out, the oldest first.
//
// # Invariants
//
//   - View is a function of the thread, the summary and the budget: two calls in a row see the same. Its beginning moves only when
//     Fold has moved it, so that the engine's prefix cache holds from run to run.
//   - A summary is replaced only by one that goes on from the position that it was made from (several servers may fold at once).
//   - The words of messages are material: what summaries and older messages say stands in a fence (agent.Fence), never as instructions.
//   - A message that is deleted takes the summary that had it with it (Forget).
package recall
