package api

import (
	"bufio"
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
)

// stream writes a table as RFC 4180 has it: fields are quoted only when they
// must be, records end in CRLF, and line breaks inside a field stay as they
// are. (encoding/csv rewrites those and also quotes a leading space.) Rows are
// written as they are read, so memory does not grow with them; a failure half
// way cuts the connection, so that a client never takes a part for the whole,
// and so does a credential that is no longer good.
func (h *Handler) stream(c *call, t *Table) error {
	var w *bufio.Writer
	p := &patient{ResponseWriter: c.w, control: http.NewResponseController(c.w), time: h.PieceTime, looked: time.Now(),
		still: func() error { return h.refusal(c) }}
	begin := func() {
		c.w.Header().Set("Content-Disposition", `attachment; filename="`+t.Name+`.csv"`)
		c.head(http.StatusOK, "text/csv; charset=utf-8", -1)
		w = bufio.NewWriterSize(p, 64<<10)
		writeRecord(w, t.Header)
	}
	for row, err := range t.Rows {
		if err != nil {
			return err // before the first row this is still an ordinary answer
		}
		if w == nil {
			begin()
		}
		writeRecord(w, row)
		if err := cmp.Or(p.refused, c.r.Context().Err()); err != nil {
			return err
		}
	}
	if w == nil {
		begin()
	}
	return w.Flush()
}

// refusal is why somebody gets no more of an export. That nobody can say whether
// the credential is still good is trouble of ours, and not with the credential.
func (h *Handler) refusal(c *call) error {
	same, err := h.still(c)
	switch {
	case errors.Is(err, db.ErrUnavailable), errors.Is(err, db.ErrBusy):
		return err
	case err != nil, !same:
		return auth.ErrInvalid
	}
	return nil
}

// patient gives each piece its time. A whole export may take as long as it
// likes, and so it asks now and then whether the caller may still have it.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	time    time.Duration
	still   func() error
	looked  time.Time // when it was asked last
	refused error
}

// lookEvery is how long a caller is believed while an export goes on.
const lookEvery = time.Second

// Write writes one piece.
func (p *patient) Write(b []byte) (int, error) {
	if time.Since(p.looked) >= lookEvery {
		if p.refused = p.still(); p.refused != nil {
			return 0, p.refused
		}
		p.looked = time.Now()
	}
	_ = p.control.SetWriteDeadline(time.Now().Add(p.time)) // a recorder in a test has none
	return p.ResponseWriter.Write(b)
}

func writeRecord(w *bufio.Writer, fields []string) {
	for i, f := range fields {
		if i > 0 {
			_ = w.WriteByte(',') // a bufio.Writer keeps its error for Flush
		}
		if !needsQuotes(f) {
			_, _ = w.WriteString(f)
			continue
		}
		_ = w.WriteByte('"')
		_, _ = w.WriteString(strings.ReplaceAll(f, `"`, `""`))
		_ = w.WriteByte('"')
	}
	_, _ = w.WriteString("\r\n")
}

// needsQuotes looks at each byte once; strings.ContainsAny is twice as slow.
func needsQuotes(field string) bool {
	for i := range len(field) {
		switch field[i] {
		case ',', '"', '\r', '\n':
			return true
		}
	}
	return false
}
