package document

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
)

// Links is how documents are handed out: by addresses that carry a signature
// and an end, so that a person can open them without a token.
type Links struct {
	// Base is where people reach the server.
	Base string
	// Sign is a keyed hash of a text.
	Sign func(text string) string
}

// Path is where documents are downloaded.
const Path = "/documents"

// life is how long a link works.
const life = time.Hour

func (s *Service) link(kind string, r *order.Row) string {
	q := url.Values{}
	q.Set("kind", kind)
	q.Set("organization", string(r.OrganizationID))
	q.Set("order", string(r.ID))
	q.Set("expires", strconv.FormatInt(s.Clock.Now().Add(life).Unix(), 10))
	q.Set("signature", s.Links.signature(q))
	return s.Links.Base + Path + "?" + q.Encode()
}

// signature is of all that the link says.
func (l *Links) signature(q url.Values) string {
	return l.Sign("document\x00" + q.Get("kind") + "\x00" + q.Get("organization") + "\x00" + q.Get("order") + "\x00" + q.Get("expires"))
}

// Serve answers the links: with the file, or why there is none.
func (s *Service) Serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	given, want := q.Get("signature"), s.Links.signature(q)
	expires, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	if err != nil || subtle.ConstantTimeCompare([]byte(given), []byte(want)) != 1 || s.Clock.Now().Unix() >= expires {
		http.Error(w, "This link is not valid, or no longer. Ask for a new one.", http.StatusForbidden)
		return
	}
	f, err := s.draw(r.Context(), q.Get("kind"), id.ID(q.Get("organization")), id.ID(q.Get("order")))
	switch {
	case errors.Is(err, fault.NotFound.New()):
		http.Error(w, "There is no such document.", http.StatusNotFound)
		return
	case err != nil:
		s.Logger.Error("document", "error", err)
		http.Error(w, "The document could not be made.", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/pdf")
	header.Set("Content-Disposition", `inline; filename="`+f.Name+`"`)
	header.Set("Content-Length", strconv.Itoa(len(f.Body)))
	header.Set("Cache-Control", "private, no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(f.Body) // the caller has gone: there is nobody to tell
}
