package mail

import (
	"bytes"
	netmail "net/mail"
	"strings"
	"testing"
	"time"
)

// FuzzCompose: whatever is asked for, the mail has the headers that we wrote and one recipient.
func FuzzCompose(f *testing.F) {
	f.Add("you@example.com", "Hello\r\nBcc: x@example.com", "text\r\n.\r\nQUIT\r\n", "en")
	f.Add(`"a b"@example.com`, "초대", "https://example.com/?a=1&b=\"", "k\"o")
	s, err := parse("smtp://mail.example.com", "Parley <parley@example.com>")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, to, subject, text, lang string) {
		m, err := Message{To: to, Subject: subject, Text: text, Lang: lang}.check()
		if err != nil {
			return
		}
		msg, err := s.compose(envelope{Message: m, ID: "mail_1", At: time.Unix(0, 0)})
		if err != nil {
			return
		}
		var b bytes.Buffer
		if _, err := msg.WriteTo(&b); err != nil {
			return
		}
		read, err := netmail.ReadMessage(&b)
		if err != nil {
			t.Fatal(err)
		}
		for name := range read.Header {
			if !strings.Contains(" Date From To Subject Message-Id Mime-Version Content-Type Content-Language Auto-Submitted User-Agent X-Mailer ", " "+name+" ") {
				t.Errorf("header %s: %q", name, read.Header[name])
			}
		}
		if rcpts, err := msg.GetRecipients(); err != nil || len(rcpts) != 1 {
			t.Errorf("%v %v", rcpts, err)
		}
	})
}
