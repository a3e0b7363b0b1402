package floetest

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// secretRule fails a test in which a secret reaches the log, at whatever
// level: tokens, secrets of webhooks, license keys, signed links and what was
// sent to authenticate. Every request of every test passes by.
type secretRule struct {
	log *logBuffer // all levels

	mu    sync.Mutex
	known map[string]bool
	paths strings.Builder // of the requests, a line each
}

// secretFields are what of bodies is secret. License keys are in a field that
// elsewhere is harmless, so they are known by their form.
var secretFields = regexp.MustCompile(`"(?:token|secret|old_secret|client_secret)" ?: ?"([^"]{8,})"|(?:^|[?&])signature=([^"&\\]{8,})|"key" ?: ?"((?:[^"]*-)?[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12})"`)

// shortest is the length of what is long enough to stand in a log by chance
// only where it is meant.
const shortest = 16

func newSecretRule() *secretRule {
	return &secretRule{log: &logBuffer{limit: 8 << 20}, known: map[string]bool{}}
}

// learn takes the secrets of a body, of a request or an answer.
func (r *secretRule) learn(body string) {
	for _, m := range secretFields.FindAllStringSubmatch(body, -1) {
		for _, secret := range m[1:] {
			r.add(secret)
		}
	}
}

func (r *secretRule) add(secret string) {
	if len(secret) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[secret] = true
}

// asked notes a path. A test that makes requests at random may have the same
// words there and where a secret belongs; paths are logged.
func (r *secretRule) asked(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paths.Len() < r.log.limit {
		r.paths.WriteString(path + "\n")
	}
}

// check is for when the test is over.
func (r *secretRule) check(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	text, paths := r.log.String(), r.paths.String()
	for secret := range r.known {
		if strings.Contains(paths, secret) {
			continue
		}
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("a secret is in the log: …%s", text[max(0, at-200):min(len(text), at+len(secret)+20)])
		}
	}
}

// both logs warnings and errors for people, and everything for the rule.
type both struct{ loud, all slog.Handler }

func (b both) Enabled(ctx context.Context, l slog.Level) bool { return b.all.Enabled(ctx, l) }

func (b both) Handle(ctx context.Context, r slog.Record) error {
	if b.loud.Enabled(ctx, r.Level) {
		if err := b.loud.Handle(ctx, r); err != nil {
			return err
		}
	}
	return b.all.Handle(ctx, r)
}

func (b both) WithAttrs(a []slog.Attr) slog.Handler {
	return both{b.loud.WithAttrs(a), b.all.WithAttrs(a)}
}

func (b both) WithGroup(name string) slog.Handler {
	return both{b.loud.WithGroup(name), b.all.WithGroup(name)}
}

// logger is what a server of a test logs to.
func (f *Floe) logger() *slog.Logger {
	return slog.New(both{
		loud: slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelWarn}),
		all:  slog.NewTextHandler(f.secrets.log, &slog.HandlerOptions{Level: slog.LevelDebug}),
	})
}
