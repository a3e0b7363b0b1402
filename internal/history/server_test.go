package history_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/organization"
	"floe/internal/server"
	"floe/internal/token"
)

// serve runs some servers on the database, each with connections of its own, as
// processes would be, and returns where they answer.
func serve(t *testing.T, open dbtest.Opener, nodes int) (urls []string, clear string) {
	t.Helper()
	for range nodes {
		s := newServer(t, open())
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx, l) }()
		t.Cleanup(func() {
			stop()
			if err := <-done; err != nil {
				t.Errorf("run a server: %v", err)
			}
		})
		urls = append(urls, "http://"+l.Addr().String())
		if clear == "" {
			clear = newToken(t, s)
		}
	}
	return urls, clear
}

// serveThrough runs one server behind something that changes what it does.
func serveThrough(t *testing.T, d *db.DB, wrap func(http.Handler) http.Handler) (url, clear string) {
	t.Helper()
	s := newServer(t, d)
	h := httptest.NewServer(wrap(s.Handler()))
	t.Cleanup(h.Close)
	return h.URL, newToken(t, s)
}

func newServer(t *testing.T, d *db.DB) *server.Server {
	t.Helper()
	s, err := server.New(t.Context(), server.Config{DB: d, AnswerMemory: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close a server: %v", err)
		}
	})
	return s
}

// newToken makes an organization, and a token that may do everything in it.
func newToken(t *testing.T, s *server.Server) (clear string) {
	t.Helper()
	in, err := organization.Draft("History", strings.ToLower(rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	maker := auth.NewSystem("test")
	err = s.Organizations.DB.Write(t.Context(), func(tx *db.Tx) error {
		o, err := s.Organizations.Create(t.Context(), tx, maker, in)
		if err != nil {
			return err
		}
		_, clear, err = s.Tokens.Create(t.Context(), tx, maker, token.Request{OrganizationID: o.ID, Scopes: auth.GrantableScopes()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return clear
}
