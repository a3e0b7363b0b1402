package mail_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"floe/internal/mail"
)

// post is a mail server that takes one message at a time, or answers its
// recipient with what it is told to.
type post struct {
	address string
	answer  string // to RCPT
	got     chan string
}

func newPost(t *testing.T, answer string) *post {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &post{l.Addr().String(), answer, make(chan string, 10)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *post) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	say := func(text string) { _, _ = fmt.Fprint(c, text+"\r\n") }
	say("220 post")
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		word, _, _ := strings.Cut(strings.ToUpper(lines.Text()), " ")
		switch word {
		case "EHLO":
			say("250-post\r\n250 8BITMIME")
		case "RCPT":
			say(p.answer)
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for lines.Scan() && lines.Text() != "." {
				text.WriteString(lines.Text() + "\n")
			}
			p.got <- text.String()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 yes")
		}
	}
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	m := mail.Message{To: "owner@example.com", Subject: "Zoë: an endpoint\r\nBcc: x@example.com", Text: "One line.\n.\nAnother, with é.\n"}
	for _, c := range []struct {
		answer  string
		taken   bool
		refused bool
	}{{"250 yes", true, false}, {"550 nobody here", false, true}, {"451 later", false, false}} {
		p := newPost(t, c.answer)
		s, err := mail.NewSMTP("smtp://"+p.address, "Floe <floe@example.com>")
		if err != nil {
			t.Fatal(err)
		}
		err = s.Send(t.Context(), "an-id", m)
		if (err == nil) != c.taken || errors.Is(err, mail.ErrRefused) != c.refused {
			t.Errorf("%s: %v", c.answer, err)
		}
		if !c.taken {
			continue
		}
		text := <-p.got
		for _, want := range []string{"Message-ID: <an-id@example.com>", `From: "Floe" <floe@example.com>`, "To: <owner@example.com>", "Auto-Submitted: auto-generated", "One line."} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		if strings.Contains(text, "\nBcc:") {
			t.Errorf("a subject became a header:\n%s", text)
		}
	}
}

func TestNewSMTP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url, from string
		ok        bool
	}{
		{"smtp://user:secret@mail.example.com", "floe@example.com", true},
		{"smtps://mail.example.com:465", "Floe <floe@example.com>", true},
		{"smtp://mail.example.com?tls=none", "floe@example.com", true},
		{"http://mail.example.com", "floe@example.com", false},
		{"mail.example.com:25", "floe@example.com", false},
		{"smtp://user:sec%ret@mail.example.com", "floe@example.com", false},
		{"smtp://mail.example.com", "floe", false},
	} {
		_, err := mail.NewSMTP(c.url, c.from)
		if (err == nil) != c.ok {
			t.Errorf("%s from %s: %v", c.url, c.from, err)
		}
		if err != nil && strings.Contains(err.Error(), "sec") {
			t.Errorf("the password is shown: %v", err)
		}
	}
}

// TestTLS: a server elsewhere that offers no TLS gets nothing, least of all a
// password.
func TestTLS(t *testing.T) {
	t.Parallel()
	p := newPost(t, "250 yes")
	_, port, _ := net.SplitHostPort(p.address)
	s, err := mail.NewSMTP("smtp://user:secret@"+"0.0.0.0:"+port, "floe@example.com") // reaches us, and is not us by name
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), "an-id", mail.Message{To: "owner@example.com", Subject: "S", Text: "T"}); err == nil || errors.Is(err, mail.ErrRefused) {
		t.Errorf("sent without TLS: %v", err)
	}
	if len(p.got) > 0 {
		t.Error("a message arrived")
	}
}
