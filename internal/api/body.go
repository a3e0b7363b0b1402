package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"floe/internal/fault"
	"floe/internal/schema"
)

// MaxBody is how many bytes a request's body may have.
const MaxBody = 10 << 20

// read reads the body of an operation that has one. What is read of somebody
// who is refused is little: they could make the server hold very much.
func (h *Handler) read(c *call, refused error) (text []byte, done func(), err error) {
	done = func() {}
	if c.op.bodyPlan() == nil {
		return nil, done, nil
	}
	most := bigBody
	if refused != nil {
		most = refusedBody
	}
	control := http.NewResponseController(c.w)
	_ = control.SetReadDeadline(time.Now().Add(h.BodyTime)) // a recorder in a test has none
	text, err = io.ReadAll(io.LimitReader(c.r.Body, int64(most)+1))
	if err == nil && len(text) > most {
		if refused != nil {
			return nil, done, refused
		}
		if done, err = h.hold(); err != nil {
			return nil, done, err
		}
		_ = control.SetReadDeadline(time.Now().Add(h.BodyTime))
		all := bytes.NewBuffer(text)
		_, err = all.ReadFrom(io.LimitReader(c.r.Body, MaxBody+1-int64(len(text))))
		text = all.Bytes()
	}
	if err == nil { // or net/http would wait without end for the rest of it
		_ = control.SetReadDeadline(time.Time{})
	}
	switch {
	case err != nil && (errors.Is(err, os.ErrDeadlineExceeded) || isTimeout(err)):
		c.w.Header().Set("Connection", "close")
		return nil, done, fault.RequestTimeout.New()
	case err != nil:
		return nil, done, fault.BadRequest.New("The request body could not be read.")
	case len(text) > MaxBody:
		return nil, done, tooLarge()
	}
	return text, done, nil
}

// hold waits until there is room in memory for one more big body.
func (h *Handler) hold() (done func(), err error) {
	select {
	case h.held <- struct{}{}:
		return func() { <-h.held }, nil
	case <-time.After(h.BodyTime):
		return func() {}, fault.RequestTimeout.New()
	}
}

// parse makes a tree of the body. A body that does not say it is JSON counts
// as text.
func (c *call) parse(text []byte) (*schema.Node, error) {
	switch {
	case len(text) == 0:
		return nil, nil
	case !isJSON(c.r.Header.Get("Content-Type")):
		return schema.StringNode(valid(string(text))), nil
	}
	n, err := schema.Parse(text)
	if encoding := c.r.Header.Get("Content-Encoding"); err != nil && encoding != "" {
		c.w.Header().Set("Accept-Encoding", "identity") // RFC 9110, 15.5.16
		return nil, fault.BodyEncoded.New(fmt.Sprintf("Request bodies must not be compressed: send it without Content-Encoding %q.", encoding))
	}
	return n, syntax(err)
}

// refuse answers why somebody may not call the operation, unless their JSON is
// broken, which the contract puts first. It is not worth a tree: whoever has no
// credential could make the server hold many of them.
func (c *call) refuse(text []byte, reason error) error {
	if len(text) > 0 && isJSON(c.r.Header.Get("Content-Type")) {
		if err := schema.Check(text); err != nil {
			return syntax(err)
		}
	}
	return reason
}

func syntax(err error) error {
	if broken, ok := errors.AsType[*schema.SyntaxError](err); ok {
		return schema.SyntaxProblems(broken)
	}
	return err
}

// asSent puts whole numbers beyond 64 bits into the problems that an operation
// has found as they were sent: it has seen the nearest that fits.
func asSent(err error, body *schema.Node) error {
	problems, ok := errors.AsType[*schema.Problems](err)
	if !ok {
		return err
	}
	for i := range problems.List {
		x := &problems.List[i]
		if x.Input == nil || x.Input.Kind != schema.Int || len(x.Loc) == 0 || x.Loc[0] != "body" {
			continue
		}
		if text := x.Input.Text; text != greatest && text != least {
			continue
		}
		if n := body.At(x.Loc[1:]...); n != nil && n.Kind != schema.Null {
			x.Input = n
		}
	}
	return err
}

// What numbers beyond 64 bits have become.
const (
	greatest = "9223372036854775807"
	least    = "-9223372036854775808"
)

// A big body's tree is many times larger than its text, so only a few are
// worked on at a time.
const (
	bigBody     = 1 << 20
	bigBodies   = 4
	heldBodies  = 32       // that are there, whole or in part
	refusedBody = 64 << 10 // which is read of one whose sender is refused
)

// enter waits until there is room for a body of a size.
func (h *Handler) enter(ctx context.Context, size int) (leave func(), err error) {
	if size <= bigBody {
		return func() {}, nil
	}
	select {
	case h.big <- struct{}{}:
		return func() { <-h.big }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// maxDrain is how much is read of a body that was refused.
const maxDrain = 64 << 20

// drain reads what is left of the body after the answer that refused it: clients
// that send all before they listen would get a broken connection instead.
func (h *Handler) drain(c *call) {
	if c.r.ContentLength == 0 || c.r.ContentLength > maxDrain || c.r.Header.Get("Expect") != "" || c.w.Header().Get("Connection") == "close" {
		return
	}
	control := http.NewResponseController(c.w)
	_ = control.Flush() // for those that do listen
	_ = control.SetReadDeadline(time.Now().Add(h.BodyTime))
	_, _ = io.CopyN(io.Discard, c.r.Body, maxDrain) // an error is the client's, who will not read this
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// isJSON says whether a media type is JSON, whatever its parameters are.
func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	media, _, _ := strings.Cut(contentType, ";")
	kind, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(media)), "application/")
	return ok && (kind == "json" || strings.HasSuffix(kind, "+json") && !strings.Contains(kind, "/"))
}

func tooLarge() error {
	return fault.BodyTooLarge.New(fmt.Sprintf("Request body exceeded the maximum allowed size of %d bytes.", MaxBody))
}
