// Package bench measures whole servers: it loads made-up customers, sends
// requests over loopback with a client that costs little itself, and has the
// bare programs that ours is compared with. Figures of a machine drift, so two
// things are always measured in turns and reported as a ratio.
//
// It is for benchmarks and for the program floebench; the server does not use
// it.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Request appends the n-th request, as it goes over the wire, to a buffer. It
// is called by several goroutines at once.
type Request func(buf []byte, n int64) []byte

// Clients is a number of connections to one server that send requests as fast
// as answers come. net/http's client would cost more than the server that is
// measured, so this one knows no more of HTTP than it needs: answers have a
// Content-Length.
type Clients struct {
	request Request
	status  string
	next    *atomic.Int64
	conns   []*conn
}

type conn struct {
	net.Conn
	r   *bufio.Reader
	buf []byte
}

// Dial connects n clients. Every answer must have the status. Requests are
// numbered by the counter, which several Clients may share.
func Dial(ctx context.Context, address string, n, status int, next *atomic.Int64, request Request) (*Clients, error) {
	c := &Clients{request: request, status: strconv.Itoa(status), next: next}
	for range n {
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			c.Close()
			return nil, err
		}
		c.conns = append(c.conns, &conn{Conn: nc, r: bufio.NewReaderSize(nc, 16<<10)})
	}
	return c, nil
}

// Close ends the connections.
func (c *Clients) Close() {
	for _, nc := range c.conns {
		_ = nc.Close()
	}
}

// Run sends requests for a time, or as many as limit when that is not zero,
// and answers how many and how long that took.
func (c *Clients) Run(d time.Duration, limit int64) (done int64, took time.Duration, err error) {
	var (
		wg     sync.WaitGroup
		sent   atomic.Int64
		failed atomic.Pointer[error]
	)
	start := time.Now()
	deadline := start.Add(d)
	for _, nc := range c.conns {
		wg.Go(func() {
			for failed.Load() == nil {
				if limit > 0 && sent.Add(1) > limit || limit == 0 && time.Now().After(deadline) {
					return
				}
				if err := nc.exchange(c); err != nil {
					failed.Store(&err)
					return
				}
				atomic.AddInt64(&done, 1)
			}
		})
	}
	wg.Wait()
	if p := failed.Load(); p != nil {
		err = *p
	}
	return done, time.Since(start), err
}

// One sends one request and answers the body.
func (c *Clients) One() ([]byte, error) {
	nc := c.conns[0]
	nc.buf = c.request(nc.buf[:0], c.next.Add(1)-1)
	if _, err := nc.Write(nc.buf); err != nil {
		return nil, err
	}
	return nc.answer(c.status, true)
}

func (nc *conn) exchange(c *Clients) error {
	nc.buf = c.request(nc.buf[:0], c.next.Add(1)-1)
	if _, err := nc.Write(nc.buf); err != nil {
		return err
	}
	_, err := nc.answer(c.status, false)
	return err
}

var contentLength = []byte("content-length: ")

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
	length := 0
	for {
		if line, err = nc.r.ReadSlice('\n'); err != nil {
			return nil, err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > len(contentLength) && bytes.EqualFold(line[:len(contentLength)], contentLength) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):])))
		}
	}
	if !good || wanted {
		body := make([]byte, length)
		_, err = io.ReadFull(nc.r, body)
		if !good {
			return nil, fmt.Errorf("%s, not %s: %s", first, status, body)
		}
		return body, err
	}
	_, err = nc.r.Discard(length)
	return nil, err
}

// Get is a request for a path that depends on n.
func Get(token string, path func(buf []byte, n int64) []byte) Request {
	rest := " HTTP/1.1\r\nHost: floe\r\nAuthorization: Bearer " + token + "\r\nAccept: application/json\r\n\r\n"
	return func(buf []byte, n int64) []byte {
		buf = append(buf, "GET "...)
		buf = path(buf, n)
		return append(buf, rest...)
	}
}

// Send is a request with a JSON body.
func Send(token, method string, path, body func(buf []byte, n int64) []byte) Request {
	head := " HTTP/1.1\r\nHost: floe\r\nAuthorization: Bearer " + token + "\r\nContent-Type: application/json\r\nContent-Length: "
	return func(buf []byte, n int64) []byte {
		var room [1024]byte
		text := body(room[:0], n)
		buf = append(append(buf, method...), ' ')
		buf = append(path(buf, n), head...)
		buf = strconv.AppendInt(buf, int64(len(text)), 10)
		return append(append(buf, "\r\n\r\n"...), text...)
	}
}

// Ratio is how two things compare that were measured in turns.
type Ratio struct {
	Ours float64 `json:"ours_per_second"`
	Bare float64 `json:"bare_per_second"`
	// OursCPU and BareCPU are microseconds of processor that the servers took
	// for one, 0 where that is not known. They depend less than the rates on
	// what else the machine is doing.
	OursCPU float64 `json:"ours_cpu_us,omitempty"`
	BareCPU float64 `json:"bare_cpu_us,omitempty"`
}

// X is how many times as long ours takes.
func (r Ratio) X() float64 { return r.Bare / r.Ours }

// Runner does something for a time, or so often.
type Runner func(d time.Duration, limit int64) (done int64, took time.Duration, err error)

// Side is one of two things that are compared: what runs, and the time in the
// processor that its server has taken so far.
type Side struct {
	Run Runner
	CPU func() time.Duration
}

// Turns runs two things in turns of a length, after a turn of each to warm up.
func Turns(ours, bare Side, each time.Duration, turns int) (Ratio, error) {
	var done, took, used [2]float64
	for i := -1; i < turns; i++ {
		for k, side := range []Side{ours, bare} {
			start := side.CPU()
			n, t, err := side.Run(each, 0)
			if err != nil {
				return Ratio{}, err
			}
			if i >= 0 {
				done[k], took[k] = done[k]+float64(n), took[k]+t.Seconds()
				used[k] += float64((side.CPU() - start).Microseconds())
			}
		}
	}
	return Ratio{done[0] / took[0], done[1] / took[1], used[0] / done[0], used[1] / done[1]}, nil
}
