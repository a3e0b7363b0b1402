package mail_test

import (
	"strings"
	"testing"

	"floe/internal/mail"
)

// An address of a mail server is taken or refused, and a refusal does not say the
// password: it goes to the log.
func FuzzSMTP(f *testing.F) {
	const password = "correct-horse-battery"
	for _, s := range []string{"smtp://user:PASSWORD@mail.example.com:587", "smtps://u:PASSWORD@[::1]", "smtp://u:PASSWORD@host:99999", "smtp://u:PASSWORD@%zz",
		"smtp://:PASSWORD@host/?tls=none", "http://u:PASSWORD@host", "smtp://u:PASSWORD@host:-1", "smtp://u:PASSWORD@host/path", "smtp://u:PASSWORD@"} {
		f.Add(s, "floe@example.com")
	}
	f.Add("smtp://host", "Floe <floe@example.com>")
	f.Add("smtp://host", "nobody\r\nBcc: x@example.com")
	f.Fuzz(func(t *testing.T, server, from string) {
		_, err := mail.NewSMTP(strings.ReplaceAll(server, "PASSWORD", password), from)
		if err != nil && strings.Contains(err.Error(), password) && !strings.Contains(from, password) {
			t.Errorf("%q: %v", server, err)
		}
	})
}
