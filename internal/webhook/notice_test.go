package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/floetest"
	"floe/internal/mail"
	"floe/internal/server"
)

// letters is a mail server that fails when it is told to.
type letters struct {
	mu   sync.Mutex
	all  []mail.Message
	ids  []string
	fail []error // of the next tries
}

func (l *letters) Send(_ context.Context, id string, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, id)
	if len(l.fail) > 0 {
		err := l.fail[0]
		l.fail = l.fail[1:]
		if err != nil {
			return err
		}
	}
	l.all = append(l.all, m)
	return nil
}

// TestNotice: case 56, and 60. Everybody of the organization is mailed once that
// an endpoint was switched off, also when the mail server is away for a while.
func TestNotice(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			box := &letters{fail: []error{errors.New("connection refused"), fmt.Errorf("%w: 550", mail.ErrRefused)}}
			start := map[string]func(testing.TB, ...floetest.Option) *floetest.Floe{"sqlite": floetest.New, "postgres": floetest.Postgres}[engine]
			f := start(t, private, func(c *server.Config) { c.Mail = box })
			f.User(auth.Owner)
			f.User(auth.Plain)
			f.User(auth.Finance)
			f.User(auth.Owner, f.Organization("Others"))
			s := newSink(t)
			s.status(410)
			e := endpoint(t, f, strings.Replace(s.URL, "http://", "http://me:hidden@", 1)+"/hidden", "customer.created")
			f.Customer(nil)
			f.Customer(nil)
			f.Drain()
			later(f, time.Hour)
			later(f, 100*time.Hour)
			to := map[string]int{}
			for _, m := range box.all {
				to[m.To]++
				if m.Subject != "Webhook endpoint disabled for Acme" || !strings.Contains(m.Text, e.ID()) || !strings.Contains(m.Text, "410 Gone") || !strings.Contains(m.Text, "127.0.0.1") {
					t.Errorf("%s\n%s", m.Subject, m.Text)
				}
				if strings.Contains(m.Text, "hidden") {
					t.Errorf("the mail shows a password, or an address that is one:\n%s", m.Text)
				}
			}
			// Of three, one is refused for good, and one is tried twice under one id.
			if len(box.all) != 2 || len(to) != 2 || len(box.ids) != 4 || len(slices.Compact(slices.Sorted(slices.Values(box.ids)))) != 3 {
				t.Errorf("%d mails to %v, tried %d times: %v", len(box.all), to, len(box.ids), box.ids)
			}
			// 60: what was on its way when somebody switched the endpoint off fails, too.
			path := endpoints + "/" + e.ID()
			f.Do("PATCH", path, f.AllToken, `{"enabled": true}`)
			s.answers(func(_ got, w http.ResponseWriter) {
				f.Do("PATCH", path, f.AllToken, `{"enabled": false}`)
				w.WriteHeader(http.StatusGone)
			})
			before, tried := f.LastSeq(), len(box.ids)
			f.Customer(nil)
			later(f, time.Hour)
			if slices.Contains(f.EventsSince(before), "webhook_endpoint.disabled") || len(box.ids) != tried {
				t.Errorf("switched off again: %q, and %d more mails", f.EventsSince(before), len(box.ids)-tried)
			}
		})
	}
}
