//go:build unix

package bench_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floe/internal/bench"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/server"
)

// The number of customers, 10,000 unless FLOE_BENCH_ROWS says another.
func rowsWanted() int {
	if n, err := strconv.Atoi(os.Getenv("FLOE_BENCH_ROWS")); err == nil && n > 0 {
		return n
	}
	return 10_000
}

// BenchmarkAPI runs each kind of request through a whole server over loopback
// and reports how many times as long it takes as the bare program, how many
// statements a request runs and what it allocates. FLOE_BENCH_ROWS=1000000
// takes some minutes to load.
//
// On PostgreSQL the server of the tests does not wait for the disk; floebench
// measures with one that does.
func BenchmarkAPI(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmark(b, db.Config{DataDir: dbtest.DataDir(b)}) })
	b.Run("postgres", func(b *testing.B) { benchmark(b, db.Config{URL: dbtest.URL(b)}) })
}

type subject struct {
	d       *db.DB
	handler http.Handler
	address string
	bare    string
	table   *bench.BareTable
	data    bench.Data
	ops     []bench.Operation
}

func benchmark(b *testing.B, c db.Config) {
	s := newSubject(b, c)
	for i, o := range s.ops {
		b.Run(strings.ReplaceAll(o.Name, " ", "-"), func(b *testing.B) { s.run(b, o, "/"+strconv.Itoa(i)) })
	}
	b.Run("export", s.export)
}

func newSubject(b *testing.B, c db.Config) *subject {
	b.Helper()
	ctx := b.Context()
	c.Logger = slog.New(slog.DiscardHandler)
	s := &subject{}
	var err error
	if s.d, err = db.Open(ctx, c); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.d.Close() })
	if s.data, err = bench.Load(ctx, s.d, rowsWanted(), func(int, int) {}); err != nil {
		b.Fatal(err)
	}
	keys, err := bench.SampleKeys(ctx, s.d, s.data, 10_000)
	if err != nil {
		b.Fatal(err)
	}
	// Each request is logged, as a server does by default.
	srv, err := server.New(ctx, server.Config{DB: s.d, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil)), AnswerMemory: 64 << 20})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = srv.Close() })
	s.handler = srv.Handler()
	s.address = serve(b, s.handler)
	s.ops = bench.Operations(s.data, keys, strconv.FormatInt(time.Now().UnixNano(), 36)+"-")
	s.startBare(b, c)
	return s
}

func serve(b *testing.B, h http.Handler) string {
	b.Helper()
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }()
	b.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

func (s *subject) startBare(b *testing.B, c db.Config) {
	b.Helper()
	bodies := map[string][]byte{}
	for i, o := range s.ops {
		if o.Writes != "" {
			continue
		}
		clients := s.dial(b, o, s.address)
		body, err := clients.One()
		clients.Close()
		if err != nil {
			b.Fatal(err)
		}
		bodies["/"+strconv.Itoa(i)] = body
	}
	s.bare = serve(b, bench.BareHandler(bodies))
	var err error
	if c.URL != "" {
		s.table, err = bench.OpenBarePostgres(c.URL, 32)
	} else {
		s.table, err = bench.OpenBareSQLite(b.TempDir())
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.table.Close() })
}

func (s *subject) dial(b *testing.B, o bench.Operation, address string) *bench.Clients {
	b.Helper()
	c, err := o.Start(b.Context(), address)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// other is what an operation is compared with.
func (s *subject) other(b *testing.B, o bench.Operation, path string) bench.Runner {
	switch o.Writes {
	case "insert":
		return s.table.Inserts(o.Clients)
	case "update":
		return s.table.Updates(o.Clients)
	}
	o.Counter, o.Request = new(atomic.Int64), bench.Get("x", func(buf []byte, _ int64) []byte { return append(buf, path...) })
	c := s.dial(b, o, s.bare)
	b.Cleanup(c.Close)
	return c.Run
}

func (s *subject) run(b *testing.B, o bench.Operation, path string) {
	ours := s.dial(b, o, s.address)
	defer ours.Close()
	other := s.other(b, o, path)
	const turn = 500
	var took, used [2]time.Duration
	before := s.d.Stats().Queries
	b.ResetTimer()
	for left := int64(b.N); left > 0; left -= turn {
		n := min(left, turn)
		for k, run := range []bench.Runner{ours.Run, other} {
			if k == 1 {
				b.StopTimer()
			}
			start := processor()
			_, t, err := run(0, n)
			if err != nil {
				b.Fatal(err)
			}
			took[k] += t
			used[k] += processor() - start
		}
		b.StartTimer()
	}
	b.StopTimer()
	b.ReportMetric(float64(took[0])/float64(took[1]), "x_bare")
	b.ReportMetric(float64(used[0])/float64(max(used[1], 1)), "x_cpu")
	b.ReportMetric(float64(used[0].Microseconds())/float64(b.N), "cpu_us/req")
	b.ReportMetric(float64(s.d.Stats().Queries-before)/float64(b.N), "queries/req")
	s.allocations(b, o)
}

// processor is the time that this process has spent in the processor. Unlike
// the time on the clock it does not depend on what else the machine does; it
// is the time of the client, too.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// allocations calls the handler without a network, so that nothing but its own
// work is counted.
func (s *subject) allocations(b *testing.B, o bench.Operation) {
	const n = 100
	requests := make([]*http.Request, n)
	for i := range requests {
		requests[i] = parse(b, o.Request(nil, o.Counter.Add(1)-1))
	}
	w := &discard{header: http.Header{}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, r := range requests {
		clear(w.header)
		s.handler.ServeHTTP(w, r)
		if w.status != o.Status {
			b.Fatalf("%s answers %d", r.URL, w.status)
		}
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/req")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/req")
}

func parse(b *testing.B, text []byte) *http.Request {
	b.Helper()
	head, body, _ := strings.Cut(string(text), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	first := strings.Fields(lines[0])
	r := httptest.NewRequestWithContext(context.Background(), first[0], first[1], strings.NewReader(body))
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return r
}

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// export reports rows per second of one download.
func (s *subject) export(b *testing.B) {
	rows := 0
	start := time.Now()
	for range b.N {
		r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/customers/export", nil)
		r.Header.Set("Authorization", "Bearer "+s.data.Token)
		w := &counter{discard: discard{header: http.Header{}}}
		s.handler.ServeHTTP(w, r)
		rows += w.lines
	}
	b.ReportMetric(float64(rows)/time.Since(start).Seconds(), "rows/s")
}

type counter struct {
	discard
	lines int
}

func (c *counter) Write(p []byte) (int, error) {
	c.lines += strings.Count(string(p), "\n")
	return len(p), nil
}
