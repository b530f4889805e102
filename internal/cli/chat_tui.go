package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/textarea"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/glamour"
	"github.com/charmbracelet/lipgloss"
)

const chatHelp = `Enter sends, Ctrl+J or Alt+Enter makes a new line, ↑ and ↓ bring back earlier questions.
Ctrl+C stops the answer; with nothing running it clears the line, and on an empty line Ctrl+D or Ctrl+C twice leaves.
/new begins a new chat, /model NAME changes the model, /models lists them, /help, /quit.`

var (
	dim    = lipgloss.NewStyle().Faint(true)
	accent = lipgloss.NewStyle().Bold(true)
	warn   = lipgloss.NewStyle().Foreground(lipgloss.AdaptiveColor{Light: "#9a3412", Dark: "#fdba74"})
)

// messages of the program to itself
type (
	textMsg   string                  // a piece of the answer
	doneMsg   struct{ m chatMessage } // the answer ended
	failMsg   struct{ err error }
	modelsMsg struct{ list []modelObject }
)

// chatScreen is the terminal chat. Finished turns are printed into the scrollback; only the running
// answer and the input are redrawn.
type chatScreen struct {
	ctx     context.Context
	conv    *conversation
	input   textarea.Model
	past    []string // earlier questions, oldest first
	at      int      // position in past; len(past) is the line being written
	running context.CancelFunc
	answer  strings.Builder
	events  chan tea.Msg
	width   int
	leaving bool // Ctrl+C was pressed on an empty line
}

func newChatScreen(ctx context.Context, conv *conversation) *chatScreen {
	in := textarea.New()
	in.Prompt = "› "
	in.Placeholder = "Ask something"
	in.ShowLineNumbers = false
	in.CharLimit = 0
	in.SetHeight(1)
	in.MaxHeight = 12
	in.FocusedStyle.CursorLine = lipgloss.NewStyle()
	in.KeyMap.InsertNewline.SetKeys("ctrl+j", "alt+enter")
	in.Focus()
	return &chatScreen{ctx: ctx, conv: conv, input: in, events: make(chan tea.Msg, 64), width: 80}
}

func (s *chatScreen) Init() tea.Cmd { return textarea.Blink }

// wait brings the next event of the running answer.
func (s *chatScreen) wait() tea.Cmd { return func() tea.Msg { return <-s.events } }

func (s *chatScreen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.width = msg.Width
		s.input.SetWidth(msg.Width)
		return s, nil
	case textMsg:
		s.answer.WriteString(string(msg))
		return s, s.wait()
	case doneMsg:
		return s, s.finish(msg.m)
	case failMsg:
		s.running = nil
		text := s.answer.String()
		s.answer.Reset()
		return s, tea.Println(strings.TrimSpace(text) + "\n" + warn.Render("✗ "+msg.err.Error()))
	case modelsMsg:
		return s, tea.Println(modelTable(msg.list))
	case tea.KeyMsg:
		if cmd, done := s.key(msg); done {
			return s, cmd
		}
	}
	var cmd tea.Cmd
	s.input, cmd = s.input.Update(msg)
	s.input.SetHeight(min(max(1, s.input.LineCount()), s.input.MaxHeight))
	return s, cmd
}

// key handles the keys that are not plain editing.
func (s *chatScreen) key(k tea.KeyMsg) (tea.Cmd, bool) {
	wasLeaving := s.leaving
	s.leaving = false
	switch k.String() {
	case "ctrl+c":
		switch {
		case s.running != nil:
			s.running()
		case s.input.Value() != "":
			s.input.Reset()
			s.input.SetHeight(1)
		case wasLeaving:
			return tea.Quit, true
		default:
			s.leaving = true
		}
		return nil, true
	case "ctrl+d":
		if s.input.Value() == "" && s.running == nil {
			return tea.Quit, true
		}
	case "up":
		if s.input.Line() == 0 && s.at > 0 {
			s.recall(s.at - 1)
			return nil, true
		}
	case "down":
		if s.input.Line() == s.input.LineCount()-1 && s.at < len(s.past) {
			s.recall(s.at + 1)
			return nil, true
		}
	case "enter":
		return s.send(), true
	}
	return nil, false
}

func (s *chatScreen) recall(i int) {
	s.at = i
	text := ""
	if i < len(s.past) {
		text = s.past[i]
	}
	s.input.SetValue(text)
	s.input.SetHeight(min(max(1, s.input.LineCount()), s.input.MaxHeight))
	s.input.CursorEnd()
}

// send takes the written line: a command or a question.
func (s *chatScreen) send() tea.Cmd {
	text := strings.TrimSpace(s.input.Value())
	if text == "" || s.running != nil {
		return nil
	}
	s.input.Reset()
	s.input.SetHeight(1)
	s.past = append(s.past, text)
	s.at = len(s.past)
	if strings.HasPrefix(text, "/") {
		return s.command(text)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	s.running = cancel
	go func() {
		m, err := s.conv.ask(ctx, text, func(piece string) { s.events <- textMsg(piece) })
		cancel()
		if err != nil {
			s.events <- failMsg{err}
			return
		}
		s.events <- doneMsg{m}
	}()
	return tea.Sequence(tea.Println(accent.Render("› ")+strings.ReplaceAll(text, "\n", "\n  ")), s.wait())
}

func (s *chatScreen) command(text string) tea.Cmd {
	name, arg, _ := strings.Cut(text, " ")
	switch name {
	case "/quit", "/exit":
		return tea.Quit
	case "/help":
		return tea.Println(dim.Render(chatHelp))
	case "/new":
		s.conv.id, s.conv.last = "", ""
		return tea.Println(dim.Render("— new chat —"))
	case "/model":
		if arg = strings.TrimSpace(arg); arg != "" {
			s.conv.model, s.conv.served = arg, ""
		}
		return tea.Println(dim.Render("model: " + s.conv.model))
	case "/models":
		return func() tea.Msg {
			list, err := listModels(s.ctx, s.conv.client)
			if err != nil {
				return failMsg{err}
			}
			return modelsMsg{list}
		}
	}
	return tea.Println(warn.Render("unknown command " + name + "; /help lists them"))
}

// finish prints the answer into the scrollback, with what became of it.
func (s *chatScreen) finish(m chatMessage) tea.Cmd {
	s.running = nil
	text := s.answer.String()
	s.answer.Reset()
	out := renderMarkdown(text, s.width)
	switch m.State {
	case "stopped":
		out += "\n" + dim.Render("■ stopped")
	case "failed":
		reason := "the answer failed"
		if m.Error != nil {
			reason = m.Error.Message
		}
		out += "\n" + warn.Render("✗ "+reason)
	}
	return tea.Println(out)
}

func (s *chatScreen) View() string {
	var b strings.Builder
	if s.running != nil {
		b.WriteString(lipgloss.NewStyle().Width(max(20, s.width-1)).Render(lastLines(s.answer.String(), 20)))
		b.WriteString("▍\n")
	}
	b.WriteString(s.input.View())
	b.WriteString("\n" + dim.Render(s.status()))
	return b.String()
}

func (s *chatScreen) status() string {
	who := s.conv.model
	if s.conv.served != "" && s.conv.served != s.conv.model {
		who += " is answered by " + s.conv.served
	}
	switch {
	case s.running != nil:
		return who + " · Ctrl+C stops the answer"
	case s.leaving:
		return "Ctrl+C again leaves"
	}
	return who + " · /help"
}

// lastLines keeps a running answer from growing over the screen; the whole of it is printed at its end.
func lastLines(s string, n int) string {
	lines := strings.Split(s, "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

// renderMarkdown returns the text for a terminal; as it is when it cannot be rendered.
func renderMarkdown(text string, width int) string {
	r, err := glamour.NewTermRenderer(glamour.WithAutoStyle(), glamour.WithWordWrap(min(max(20, width-2), 100)))
	if err != nil {
		return text
	}
	out, err := r.Render(text)
	if err != nil {
		return text
	}
	return strings.Trim(out, "\n")
}

func modelTable(list []modelObject) string {
	var b strings.Builder
	for _, m := range list {
		if m.Kind != "chat" {
			continue
		}
		mark := "  "
		if m.Default {
			mark = "* "
		}
		fmt.Fprintf(&b, "%s%-28s %s (%s)\n", mark, m.ID, m.Served, m.State)
	}
	return strings.TrimRight(b.String(), "\n")
}
