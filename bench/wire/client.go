// Package wire sends requests over loopback with a client that costs little
// itself, and takes measurements in turns, because figures of a machine drift.
// It has the bare programs, too, that servers are compared with.
package wire

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Clients is a number of connections to one server that send requests as fast
// as answers come. net/http's client would cost more than the server that is
// measured, so this one knows no more of HTTP than it needs.
type Clients struct {
	call   Call
	status string
	next   *atomic.Int64
	conns  []*conn
	// Answered, unless nil, hears of each answer in Run: of which request it is,
	// and when it came.
	Answered func(n int64, at time.Time)
}

type conn struct {
	net.Conn // nil until the first request
	dial     func() (net.Conn, error)
	r        *bufio.Reader
	buf      []byte
}

// New returns n clients. Each connects with its first request: while others have
// their turns a server would close a connection on which nothing is asked.
// Requests are numbered by the counter, which several
// Clients may share; every answer must have the call's status.
func New(ctx context.Context, address string, n int, next *atomic.Int64, call Call) *Clients {
	c := &Clients{call: call, status: strconv.Itoa(call.Status), next: next}
	dial := func() (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", address) }
	for range n {
		c.conns = append(c.conns, &conn{dial: dial})
	}
	return c
}

// send sends a request, on a connection that the first one makes.
func (nc *conn) send(request []byte) (err error) {
	if nc.Conn == nil {
		if nc.Conn, err = nc.dial(); err != nil {
			return err
		}
		nc.r = bufio.NewReaderSize(nc.Conn, 16<<10)
	}
	_, err = nc.Write(request)
	return err
}

// Close ends the connections.
func (c *Clients) Close() {
	for _, nc := range c.conns {
		if nc.Conn != nil {
			_ = nc.Close()
		}
	}
}

// Run sends requests for a time, or as many as limit when that is not zero.
func (c *Clients) Run(d time.Duration, limit int64) (Sample, error) {
	var (
		wg     sync.WaitGroup
		sent   atomic.Int64
		failed atomic.Pointer[error]
	)
	out := make([]Sample, len(c.conns))
	start := time.Now()
	deadline := start.Add(d)
	for i, nc := range c.conns {
		wg.Go(func() {
			for at := time.Now(); failed.Load() == nil; {
				if limit > 0 && sent.Add(1) > limit || limit == 0 && at.After(deadline) {
					return
				}
				n, err := nc.exchange(c)
				if err != nil {
					failed.Store(&err)
					return
				}
				now := time.Now()
				if c.Answered != nil {
					c.Answered(n, now)
				}
				out[i].Add(now.Sub(at))
				at = now
			}
		})
	}
	wg.Wait()
	if p := failed.Load(); p != nil {
		return Sample{}, *p
	}
	var sum Sample
	for i := range out {
		sum.Merge(&out[i])
	}
	sum.Took = time.Since(start)
	return sum, nil
}

// All sends so many requests and answers the bodies.
func (c *Clients) All(n int) ([][]byte, error) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		sent atomic.Int64
		out  [][]byte
		errs error
	)
	for _, nc := range c.conns {
		wg.Go(func() {
			for sent.Add(1) <= int64(n) {
				nc.buf = c.call.Request(nc.buf[:0], c.next.Add(1)-1)
				err := nc.send(nc.buf)
				var body []byte
				if err == nil {
					body, err = nc.answer(c.status, true)
				}
				mu.Lock()
				out, errs = append(out, body), errors.Join(errs, err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return out, errs
}

func (nc *conn) exchange(c *Clients) (n int64, err error) {
	n = c.next.Add(1) - 1
	nc.buf = c.call.Request(nc.buf[:0], n)
	if err := nc.send(nc.buf); err != nil {
		return n, err
	}
	_, err = nc.answer(c.status, false)
	return n, err
}

// answer reads one answer; the body only when it is wanted or unexpected.
func (nc *conn) answer(status string, wanted bool) ([]byte, error) {
	line, err := nc.r.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	good := len(line) > 12 && string(line[9:12]) == status
	first := ""
	if !good {
		first = string(bytes.TrimSpace(line))
	}
	length, chunked, err := nc.header()
	if err != nil {
		return nil, err
	}
	var body []byte
	keep := !good || wanted
	if chunked {
		body, err = nc.chunks(keep)
	} else {
		body, err = nc.take(nil, length, keep)
	}
	if !good {
		return nil, fmt.Errorf("%s, not %s: %s", first, status, body)
	}
	return body, err
}

var (
	contentLength = []byte("content-length: ")
	inChunks      = []byte("transfer-encoding: chunked")
)

// header reads to the end of the headers.
func (nc *conn) header() (length int, chunked bool, err error) {
	for {
		line, err := nc.r.ReadSlice('\n')
		if err != nil || len(line) <= 2 {
			return length, chunked, err
		}
		if rest, ok := cutFold(line, contentLength); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(rest)))
		} else if _, ok := cutFold(line, inChunks); ok {
			chunked = true
		}
	}
}

func cutFold(line, prefix []byte) ([]byte, bool) {
	if len(line) < len(prefix) || !bytes.EqualFold(line[:len(prefix)], prefix) {
		return nil, false
	}
	return line[len(prefix):], true
}

// take reads so many bytes, and adds them to others when they are kept.
func (nc *conn) take(to []byte, n int, keep bool) ([]byte, error) {
	if !keep {
		_, err := nc.r.Discard(n)
		return nil, err
	}
	start := len(to)
	to = append(to, make([]byte, n)...)
	_, err := io.ReadFull(nc.r, to[start:])
	return to, err
}

func (nc *conn) chunks(keep bool) (body []byte, err error) {
	for {
		line, err := nc.r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return nil, err
		}
		if body, err = nc.take(body, int(n), keep); err != nil {
			return nil, err
		}
		if _, err := nc.r.Discard(2); err != nil || n == 0 {
			return body, err
		}
	}
}

// Call is a kind of request. Path, Token and Body depend on n.
type Call struct {
	Method string
	Status int
	Path   func(buf []byte, n int64) []byte
	Token  func(n int64) string
	Body   func(buf []byte, n int64) []byte // nil when there is none
}

// Request writes a call as it goes over the wire.
func (c Call) Request(buf []byte, n int64) []byte {
	buf = append(append(buf, c.Method...), ' ')
	buf = append(c.Path(buf, n), " HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "...)
	buf = append(append(buf, c.Token(n)...), "\r\nAccept: application/json\r\n"...)
	if c.Body == nil {
		return append(buf, "\r\n"...)
	}
	var room [1024]byte
	text := c.Body(room[:0], n)
	buf = append(buf, "Content-Type: application/json\r\nContent-Length: "...)
	buf = strconv.AppendInt(buf, int64(len(text)), 10)
	return append(append(buf, "\r\n\r\n"...), text...)
}
