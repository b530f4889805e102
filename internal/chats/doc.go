// Package chats keeps the chats of the chat page and runs their answers. It is the capability that
// later ones are copied from.
//
// # Tables (migrations 0030 and 0031)
//
//	chats          one per chat: title, model, which message is on show, counts and times
//	chat_messages  one per message: a tree by parent_id, content as typed parts, state as a column
//
// A chat is a tree: an edited question is a sibling of the first one, an answer asked for again is a
// sibling of the first answer. chats.current_message_id names the end of the path that is on show;
// when two windows write at once, the last one names it and both keep their messages.
//
// # Routes
//
//	GET    /api/chats                                    listChats         chats.read
//	POST   /api/chats                                    createChat        chats.write
//	GET    /api/chats/{id}                               getChat           chats.read
//	PATCH  /api/chats/{id}                               updateChat        chats.write
//	DELETE /api/chats/{id}                               deleteChat        chats.write
//	POST   /api/chats/{id}/messages                      createMessage     chats.write  (a stream)
//	POST   /api/chats/{id}/messages/{message_id}/stop    stopMessage       chats.write
//	GET    /api/models                                   listServedModels  models.read
//
// # Files
//
// chats.go has the chats, send.go the answers, history.go what the model gets of a chat, sql.go the
// statements, http.go the JSON shapes and the stream, http_models.go the list of models for the page.
//
// # Invariants
//
//   - A chat belongs to one user of one project. Somebody else's is not found, whatever is asked of it.
//   - An answer's state goes from in_progress to exactly one of completed, stopped, failed, and never
//     on from there: every statement that ends an answer asks for in_progress.
//   - What is shown as completed is whole. An answer whose client went away is stopped; one whose server
//     died is failed, with the text that had been written down: by Recover at the next start of that
//     server, or by another server of the database when the dead one's lease has ended (package presence).
//   - The text of an answer in progress is written down about once a second, so kill -9 loses no more.
//   - A conversation that outgrows the model's window is sent without its oldest turns (history.go);
//     nothing of it is deleted.
package chats
