package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/charmbracelet/bubbles/textarea"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/glamour"
	"github.com/charmbracelet/glamour/styles"
	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
)

const chatHelp = `Enter sends. Ctrl+J or Alt+Enter makes a new line.
↑ and ↓ bring back earlier questions.
Ctrl+C stops the answer; with nothing running it clears the line.
Ctrl+D, or Ctrl+C twice, on an empty line leaves.
/new          begins a new chat
/model NAME   goes on with another model
/models       lists the models
/help, /quit`

const prompt = "› "

var (
	dim    = lipgloss.NewStyle().Faint(true)
	plain  = lipgloss.NewStyle()
	accent = lipgloss.NewStyle().Bold(true)
	warn   = lipgloss.NewStyle().Foreground(lipgloss.AdaptiveColor{Light: "#9a3412", Dark: "#fdba74"})
)

// messages of the program to itself
type (
	textMsg    string                  // a piece of the answer
	doneMsg    struct{ m chatMessage } // the answer ended
	failMsg    struct{ err error }
	modelsMsg  struct{ list []modelObject }
	modelMsg   struct{ m modelObject } // a model to go on with
	troubleMsg struct{ err error }     // of a command
)

// chatScreen is the terminal chat. Finished turns are printed into the scrollback; only the running
// answer and the input are redrawn.
type chatScreen struct {
	ctx     context.Context
	conv    *conversation
	input   textarea.Model
	past    []string // earlier questions, oldest first
	at      int      // position in past; len(past) is the line being written
	draft   string   // that line, while an earlier one is shown
	running context.CancelFunc
	answer  strings.Builder
	events  chan tea.Msg
	width   int
	height  int // 0 until it is known
	gone    bool
	leaving bool // Ctrl+C was pressed on an empty line
}

func newChatScreen(ctx context.Context, conv *conversation) *chatScreen {
	in := textarea.New()
	in.SetPromptFunc(lipgloss.Width(prompt), func(line int) string {
		if line == 0 {
			return prompt
		}
		return "  "
	})
	in.Placeholder = "Ask something"
	in.ShowLineNumbers = false
	in.CharLimit = 0
	in.MaxHeight = 12
	in.EndOfBufferCharacter = ' '
	in.FocusedStyle.CursorLine = lipgloss.NewStyle()
	in.KeyMap.InsertNewline.SetKeys("ctrl+j", "alt+enter")
	in.Focus()
	s := &chatScreen{ctx: ctx, conv: conv, input: in, events: make(chan tea.Msg, 64)}
	s.resize(80, 0)
	return s
}

// resize fits the screen into a terminal of so many columns and rows; 0 rows are not known.
func (s *chatScreen) resize(width, height int) {
	s.width, s.height = width, height
	s.input.SetWidth(width)
	s.fit()
}

// fit makes the input as high as what is written into it.
func (s *chatScreen) fit() {
	rows := 0
	style := lipgloss.NewStyle().Width(max(1, s.input.Width()))
	for line := range strings.SplitSeq(s.input.Value(), "\n") {
		rows += lipgloss.Height(style.Render(line + " "))
	}
	s.input.SetHeight(min(max(1, rows), s.input.MaxHeight))
}

// edit passes a message to the input. It has its greatest height meanwhile: an input that grows only
// afterwards has scrolled its first line away.
func (s *chatScreen) edit(msg tea.Msg) tea.Cmd {
	s.input.SetHeight(s.input.MaxHeight)
	// Letters that arrive together are text: the input would take the word "end" for the End key.
	if k, ok := msg.(tea.KeyMsg); ok && k.Type == tea.KeyRunes && len(k.Runes) > 1 {
		s.input.InsertString(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(k.Runes)))
		msg = nil
	}
	var cmd tea.Cmd
	s.input, cmd = s.input.Update(msg)
	s.fit()
	return cmd
}

// write replaces what is written in the input.
func (s *chatScreen) write(text string) {
	s.input.SetHeight(s.input.MaxHeight)
	s.input.SetValue(text)
	s.input.CursorEnd()
	s.fit()
}

// remember adds a question to those that the arrow keys bring back.
func (s *chatScreen) remember(text string) {
	if n := len(s.past); n == 0 || s.past[n-1] != text {
		s.past = append(s.past, text)
	}
	s.at, s.draft = len(s.past), ""
}

func (s *chatScreen) Init() tea.Cmd { return textarea.Blink }

// wait brings the next event of the running answer.
func (s *chatScreen) wait() tea.Cmd { return func() tea.Msg { return <-s.events } }

func (s *chatScreen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.resize(msg.Width, msg.Height)
		return s, nil
	case textMsg:
		s.answer.WriteString(string(msg))
		return s, s.wait()
	case doneMsg:
		return s, s.finish(msg.m)
	case failMsg:
		return s, s.finish(chatMessage{State: "failed", Error: &apiError{Message: msg.err.Error()}})
	case modelsMsg:
		return s, s.say(plain, modelTable(msg.list))
	case modelMsg:
		s.conv.model, s.conv.served = msg.m.ID, msg.m.Served
		return s, s.say(plain, answers(msg.m))
	case troubleMsg:
		return s, s.say(warn, "✗ "+msg.err.Error())
	case tea.KeyMsg:
		if cmd, done := s.key(msg); done {
			return s, cmd
		}
	}
	return s, s.edit(msg)
}

// key handles the keys that are not plain editing.
func (s *chatScreen) key(k tea.KeyMsg) (tea.Cmd, bool) {
	wasLeaving := s.leaving
	s.leaving = false
	if k.Type == tea.KeyRunes {
		return nil, false
	}
	switch k.String() {
	case "ctrl+c":
		switch {
		case s.running != nil:
			s.running()
		case s.input.Value() != "":
			s.write("")
			s.at = len(s.past)
		case wasLeaving:
			return s.quit(), true
		default:
			s.leaving = true
		}
		return nil, true
	case "ctrl+d":
		if s.input.Value() == "" && s.running == nil {
			return s.quit(), true
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

// quit leaves, and takes the input line off the screen.
func (s *chatScreen) quit() tea.Cmd {
	s.gone = true
	return tea.Quit
}

func (s *chatScreen) recall(i int) {
	if s.at == len(s.past) {
		s.draft = s.input.Value()
	}
	s.at = i
	if i < len(s.past) {
		s.write(s.past[i])
	} else {
		s.write(s.draft)
	}
}

// send takes the written line: a command or a question.
func (s *chatScreen) send() tea.Cmd {
	text := strings.TrimSpace(s.input.Value())
	if text == "" || s.running != nil {
		return nil
	}
	s.write("")
	s.remember(text)
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
	return tea.Sequence(tea.Println(question(text, s.width)), s.wait())
}

func (s *chatScreen) command(text string) tea.Cmd {
	name, arg, _ := strings.Cut(text, " ")
	switch name {
	case "/quit", "/exit":
		return s.quit()
	case "/help":
		return s.say(dim, chatHelp)
	case "/new":
		s.conv.id, s.conv.last = "", ""
		return s.say(dim, "— new chat —")
	case "/model", "/models":
		arg = strings.TrimSpace(arg)
		return func() tea.Msg {
			list, err := listModels(s.ctx, s.conv.client)
			if err != nil {
				return troubleMsg{err}
			}
			if name == "/models" {
				return modelsMsg{list}
			}
			if arg == "" {
				arg = s.conv.model
			}
			m, err := pickModel(list, arg)
			if err != nil {
				return troubleMsg{err}
			}
			return modelMsg{m}
		}
	}
	return s.say(warn, "✗ there is no command "+name+"; /help lists them")
}

// say prints something of the program's own into the scrollback.
func (s *chatScreen) say(style lipgloss.Style, text string) tea.Cmd {
	return tea.Println(s.wrap(style, text) + "\n")
}

// wrap breaks lines at the terminal's width: one that the terminal breaks would not be counted.
func (s *chatScreen) wrap(style lipgloss.Style, text string) string {
	lines := strings.Split(ansi.Wrap(text, max(20, s.width-1), ""), "\n")
	for i, line := range lines {
		lines[i] = style.Render(line)
	}
	return strings.Join(lines, "\n")
}

// question is a question as it stays on the screen.
func question(text string, width int) string {
	lines := strings.Split(lipgloss.NewStyle().Width(max(20, width-2)).Render(text), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return accent.Render(prompt) + strings.Join(lines, "\n  ") + "\n"
}

// finish prints the answer into the scrollback, with what became of it.
func (s *chatScreen) finish(m chatMessage) tea.Cmd {
	s.running = nil
	text := s.answer.String()
	s.answer.Reset()
	return tea.Println(s.turn(text, m))
}

// turn is an answer as it stays on the screen.
func (s *chatScreen) turn(text string, m chatMessage) string {
	var b strings.Builder
	if strings.TrimSpace(text) != "" {
		b.WriteString(renderMarkdown(text, s.width) + "\n")
	}
	switch m.State {
	case "stopped":
		b.WriteString(dim.Render("  ■ stopped") + "\n")
	case "failed":
		reason := "the answer failed"
		if m.Error != nil {
			reason = m.Error.Message
		}
		b.WriteString(s.wrap(warn, "✗ "+reason) + "\n")
	}
	return b.String()
}

func (s *chatScreen) View() string {
	if s.gone {
		return ""
	}
	var b strings.Builder
	if s.running != nil {
		b.WriteString(s.growing() + "\n\n")
	}
	b.WriteString(s.input.View())
	b.WriteString("\n" + dim.Render(ansi.Truncate(s.status(), max(1, s.width-1), "…")))
	return b.String()
}

// growing is the end of the running answer: no more than fits on the screen, the whole of it is
// printed when it has ended.
func (s *chatScreen) growing() string {
	text := lipgloss.NewStyle().Width(max(20, min(s.width-2, maxColumns))).Render(strings.TrimLeft(s.answer.String(), "\n") + "▍")
	lines := strings.Split(text, "\n")
	room := 20
	if s.height > 0 {
		room = max(1, s.height-s.input.Height()-3)
	}
	lines = lines[max(0, len(lines)-room):]
	for i, line := range lines {
		lines[i] = "  " + strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

func (s *chatScreen) status() string {
	who := s.conv.model
	if s.conv.served != "" && s.conv.served != s.conv.model {
		who += " is answered by " + s.conv.served
	}
	switch {
	case s.running != nil:
		return who + " · Ctrl+C stops"
	case s.leaving:
		return "Ctrl+C again leaves"
	}
	return who + " · /help"
}

// maxColumns keeps lines short enough to read on a wide terminal.
const maxColumns = 100

// markdownStyle is for the terminal's background. glamour's own choice asks the terminal each time, and
// the answer would arrive as typed keys; lipgloss asked once, before the screen began.
func markdownStyle() string {
	switch {
	case lipgloss.ColorProfile() == termenv.Ascii:
		return styles.NoTTYStyle
	case lipgloss.HasDarkBackground():
		return styles.DarkStyle
	}
	return styles.LightStyle
}

// renderMarkdown returns the text for a terminal; as it is when it cannot be rendered.
func renderMarkdown(text string, width int) string {
	r, err := glamour.NewTermRenderer(glamour.WithStandardStyle(markdownStyle()), glamour.WithPreservedNewLines(), glamour.WithWordWrap(min(max(20, width-2), maxColumns)))
	if err != nil {
		return text
	}
	out, err := r.Render(text)
	if err != nil {
		return text
	}
	return strings.Trim(out, "\n")
}

// modelTable lists the chat models with what they answer as, the default marked.
func modelTable(list []modelObject) string {
	names := map[string][]string{}
	for _, m := range list {
		if m.Kind == "chat" && m.ID != m.Served {
			names[m.Served] = append(names[m.Served], m.ID)
		}
	}
	var b strings.Builder
	for _, m := range list {
		if m.Kind != "chat" || m.ID != m.Served {
			continue
		}
		mark := "  "
		if m.Default {
			mark = "* "
		}
		fmt.Fprintf(&b, "%s%s (%s)\n", mark, m.ID, stateText(m))
		if also := names[m.ID]; len(also) > 3 {
			fmt.Fprintf(&b, "    also as %s and %d more names\n", strings.Join(also[:3], ", "), len(also)-3)
		} else if len(also) > 0 {
			fmt.Fprintf(&b, "    also as %s\n", strings.Join(also, ", "))
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// stateText is a model's state in words.
func stateText(m modelObject) string {
	switch m.State {
	case "cold":
		return "loads with the first question"
	case "loading":
		return fmt.Sprintf("loading, %.0f %%", 100*m.Percent)
	}
	return m.State
}
