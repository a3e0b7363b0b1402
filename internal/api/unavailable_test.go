package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
)

type brokenAuth struct{ err error }

func (b brokenAuth) Authenticate(context.Context, string) (auth.Subject, error) {
	return auth.Subject{}, b.err
}

func (brokenAuth) Known(string) bool { return false }

// A database that is away is not a mistake of ours: callers may try again.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	for _, err := range []error{db.ErrUnavailable, db.ErrBusy} {
		h := api.New(api.Config{Auth: brokenAuth{fmt.Errorf("look up a token: %w", err)}, Logger: slog.New(slog.DiscardHandler)})
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/customers/", nil)
		r.Header.Set("Authorization", "Bearer x")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%v: answered %d %s", err, w.Code, w.Body)
		}
	}
}
