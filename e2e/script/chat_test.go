package script

import (
	"strings"
	"testing"
)

func TestChatInATerminal(t *testing.T) {
	x := open(t, home(t), nil, "chat", "gpt-4")
	x.expect(`smollm2-135m-instruct answers as gpt-4\. /help says what you can do\.`)
	x.expect(`Ask something`)
	x.expect(`gpt-4 is answered by smollm2-135m-instruct · /help`)

	// An answer arrives in pieces: a part of it is there while the program still says how to stop it.
	x.press("Write a long story about the sea.", enter)
	x.expect(`› Write a long story about the sea\.`)
	x.expect(`Ctrl\+C stops`)
	x.expect(`\w+ \w+[^▍]*▍`)
	x.press(ctrlC)
	x.expect(`■ stopped`)
	x.expect(`gpt-4 is answered by smollm2-135m-instruct · /help`)

	// It was the answer that was stopped, not the program. The arrows bring questions back, and the line
	// that was being written.
	x.press("draft", up)
	x.expect(`Write a long story about the sea\.`)
	x.press(down)
	x.expect(`draft`)
	x.press(ctrlC)
	x.expect(`Ask something`)

	// A question of several lines; words that are also names of keys are words.
	x.press("Say hello", ctrlJ, "to", " ", "the", " ", "end", " now", enter)
	x.expect(`› Say hello\n +to the end now`)
	x.expect(`Ctrl\+C stops`)
	x.press(ctrlC)
	x.expect(`gpt-4 is answered by smollm2-135m-instruct · /help`)

	// Commands.
	x.press("/help", enter)
	x.expect(`Ctrl\+J or Alt\+Enter makes a new line`)
	x.press("/models", enter)
	x.expect(`\* smollm2-135m-instruct \(ready\)`)
	x.expect(`also as gpt-3\.5-turbo, `)
	x.press("/model gpt-3.5-tubo", enter)
	x.expect(`did you mean gpt-3\.5-turbo`)
	x.press("/model gpt-3.5-turbo", enter)
	x.expect(`smollm2-135m-instruct answers as gpt-3\.5-turbo\.`)
	x.expect(`gpt-3\.5-turbo is answered by smollm2-135m-instruct`)
	x.press("/new", enter)
	x.expect(`— new chat —`)
	x.press("/nothing", enter)
	x.expect(`there is no command /nothing`)

	x.press(ctrlD)
	x.ends(0)
	x.narrow(x.text())
}

// Chats are kept: the next session goes on with the newest one.
func TestChatGoesOn(t *testing.T) {
	dir := home(t)
	x := open(t, dir, nil, "chat", "--resume")
	x.expect(`there is no chat to resume`)
	x.ends(1)

	x = open(t, dir, nil, "chat")
	x.expect(`Ask something`)
	x.press("Remember the word zebra.", enter)
	x.expect(`\w+[^▍]*▍`)
	x.press(ctrlC)
	x.expect(`· /help`)
	// Twice on an empty line leaves.
	x.press(ctrlC)
	x.expect(`Ctrl\+C again leaves`)
	x.press(ctrlC)
	x.ends(0)

	x = open(t, dir, nil, "chat", "--resume")
	x.expect(`› Remember the word zebra\.`)
	x.expect(`Ask something`)
	x.press(up)
	x.expect(`Remember the word zebra\.`)
	x.press(ctrlC, "/quit", enter)
	x.ends(0)
	if n := strings.Count(x.text(), "failed"); n != 0 {
		t.Errorf("something failed:\n%s", x.text())
	}
}
