package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"floe/internal/document"
	"floe/internal/paymentevent"
)

// serve tells the API from the few other paths. Nearly every request is for
// the API, so that is looked at first.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.metrics.begin()
	defer s.metrics.end()
	if s.draining.Load() { // the next request is to come by another connection, to another node
		w.Header()["Connection"] = closing
	}
	s.bound(w, r)
	if strings.HasPrefix(r.URL.Path, "/v1/") {
		s.api.ServeHTTP(w, r)
		return
	}
	path := collapse(r.URL.Path)
	if rest, ok := strings.CutPrefix(path, "/api"); ok && (rest == "/v1" || strings.HasPrefix(rest, "/v1/")) {
		w.Header().Set("X-Polar-Deprecation-Notice", deprecation)
		s.api.ServeHTTP(w, withoutAPI(r))
		return
	}
	if strings.HasPrefix(path, paymentevent.Path) {
		guard(w.Header())
		s.PaymentEvents.Serve(w, r)
		return
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	if h := s.outer[path]; h != nil {
		h.ServeHTTP(w, r)
		return
	}
	s.api.ServeHTTP(w, r) // which says 404 as the API does
}

var closing = []string{"close"}

// bound gives a body its time, also one that nobody reads: net/http reads on
// until its end, and would wait for a slow one for ever.
func (s *Server) bound(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.config.BodyTime))
	}
}

// metricsAlone serves metrics on a listener of their own.
func (s *Server) metricsAlone() http.Handler {
	h := read(s.metrics.handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.bound(w, r)
		h.ServeHTTP(w, r)
	})
}

const deprecation = "The API root has moved from /api/v1 to /v1. Please update your integration."

// collapse makes one slash of several at the start. Clients join a base URL
// that ends in a slash with a path that begins with one.
func collapse(path string) string {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	return path
}

// withoutAPI is the request for /v1/… that one for /api/v1/… means.
func withoutAPI(r *http.Request) *http.Request {
	r2, u := new(http.Request), *r.URL
	*r2 = *r
	u.Path = strings.TrimPrefix(collapse(u.Path), "/api")
	// The escaped form must follow; when it spells the prefix in another way
	// (/%61pi/v1) it is dropped, and only %2F inside a value is lost with it.
	raw, ok := strings.CutPrefix(collapse(u.RawPath), "/api")
	if !ok {
		raw = ""
	}
	u.RawPath = raw
	r2.URL = &u
	return r2
}

// routes are the paths beside the API, without their trailing slash.
func (s *Server) routes() map[string]http.Handler {
	openAPI := s.later("application/json", func() ([]byte, error) { return s.document().JSON() })
	docs := s.later("text/html; charset=utf-8", func() ([]byte, error) { return renderDocs(s.document()) })
	routes := map[string]http.Handler{
		"/healthz":      read(plainText("ok\n")),
		"/readyz":       read(http.HandlerFunc(s.ready)),
		"/openapi.json": read(s.api.Outside(open(openAPI))),
		"/docs":         read(s.api.Outside(page(docs))),
		"/":             read(s.api.Outside(page(s.home()))),
		// Links that answers hand out: a signature opens them, not a token.
		document.Path: read(s.api.Outside(pdf(http.HandlerFunc(s.Documents.Serve)))),
	}
	if s.config.MetricsToken != "" {
		routes["/metrics"] = read(bearer(s.config.MetricsToken, s.metrics.handler))
	}
	return routes
}

// read lets GET and HEAD through.
func read(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// guard sets what every answer has that is no page. Who has one that is to be
// kept says so.
func guard(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// page adds what keeps a page to itself: nothing is loaded from elsewhere, no
// script runs, nobody frames it.
func page(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy",
			"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.ServeHTTP(w, r)
	})
}

// pdf lets a browser show a PDF, which some do with a page of their own.
func pdf(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
		h.ServeHTTP(w, r)
	})
}

// open lets pages of any origin read the answer.
func open(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		h.ServeHTTP(w, r)
	})
}

// fixed answers with the same bytes for the life of the process.
func fixed(media string, body []byte) http.Handler {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("ETag", tag)
		header.Set("Cache-Control", "no-cache") // keep, but ask each time
		if match := r.Header.Get("If-None-Match"); match == "*" || strings.Contains(match, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		header.Set("Content-Type", media)
		header.Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body) // the caller has gone: there is nobody to tell
	})
}

// later answers with bytes that are made when somebody first asks for them.
func (s *Server) later(media string, body func() ([]byte, error)) http.Handler {
	made := sync.OnceValues(func() (http.Handler, error) {
		b, err := body()
		return fixed(media, b), err
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, err := made()
		if err != nil {
			s.config.Logger.ErrorContext(r.Context(), "documentation", "path", r.URL.Path, "error", err)
			http.Error(w, "Internal Server Error", http.StatusInternalServerError)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func plainText(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(text))
	})
}

// home says what this is, to people as a page and to programs as JSON.
func (s *Server) home() http.Handler {
	text := fmt.Sprintf(`{"name":"Floe","version":%q,"documentation":"/docs","openapi":"/openapi.json","api":"/v1"}`+"\n", s.config.Version)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			fixed("text/html; charset=utf-8", []byte(homePage)).ServeHTTP(w, r)
			return
		}
		fixed("application/json", []byte(text)).ServeHTTP(w, r)
	})
}

// readyTime is how long the database may take to answer a probe.
const readyTime = 2 * time.Second

// ready says whether requests can be served: the database answers.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	err := s.reachable(ctx)
	if err == nil {
		plainText("ready\n").ServeHTTP(w, r)
		return
	}
	s.config.Logger.Warn("not ready", "error", err)
	w.Header().Set("Retry-After", "1")
	http.Error(w, "not ready: "+unreadiness(err), http.StatusServiceUnavailable)
}

var errDraining = errors.New("the server is stopping")

// reachable reads a table, because SQLite answers SELECT 1 without looking at
// its file, and makes sure that the file is still where others find it.
func (s *Server) reachable(ctx context.Context) error {
	if s.draining.Load() {
		return errDraining
	}
	if path := s.config.DB.Path(); path != "" {
		if _, err := os.Stat(path); err != nil {
			return err
		}
	}
	return ping(ctx, s.config.DB)
}

// unreadiness is the reason without addresses or paths, which are not for
// everybody who can reach a probe.
func unreadiness(err error) string {
	switch {
	case errors.Is(err, errDraining):
		return "the server is stopping"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the database did not answer within %s", readyTime)
	case errors.Is(err, os.ErrNotExist):
		return "the database file is gone"
	}
	return "the database can't be reached"
}

// bearer asks for a fixed token. The comparison takes the same time whatever
// was sent; the name of the scheme is compared in any case (RFC 9110, 11.1).
func bearer(token string, h http.Handler) http.Handler {
	want := sha256.Sum256([]byte(token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(sent))
		if !strings.EqualFold(scheme, "bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
			http.Error(w, "the metrics token (--metrics-token) is needed", http.StatusUnauthorized)
			return
		}
		h.ServeHTTP(w, r)
	})
}
