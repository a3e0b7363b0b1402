package server

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"floe/internal/api"
	"floe/internal/db"
)

// metrics are what Prometheus is told. The counters of an operation are looked
// up once, not with every request.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	limited  *prometheus.CounterVec
	series   map[string]*[6]atomic.Pointer[series] // by operation, then by the first digit of the status
}

type series struct {
	count prometheus.Counter
	took  prometheus.Observer
}

func newMetrics(d *db.DB, ops []*api.Operation, more ...prometheus.Collector) *metrics {
	labels := []string{"operation", "class"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "floe_http_requests_total", Help: "Requests to the API by operation and class of status.",
		}, labels),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "floe_http_request_duration_seconds", Help: "Time to answer a request to the API.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, labels),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "floe_http_requests_in_flight", Help: "Requests being answered.",
		}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "floe_http_requests_limited_total", Help: "Requests that were refused because a token, an address, or an address with license keys came too often.",
		}, []string{"by"}),
		series: map[string]*[6]atomic.Pointer[series]{"": {}},
	}
	for _, o := range ops {
		m.series[o.ID] = &[6]atomic.Pointer[series]{}
	}
	r := prometheus.NewRegistry()
	r.MustRegister(m.requests, m.duration, m.inFlight, m.limited, &dbCollector{db: d}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector())
	r.MustRegister(more...)
	m.handler = promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	return m
}

func (m *metrics) begin() { m.inFlight.Inc() }
func (m *metrics) end()   { m.inFlight.Dec() }

// refused is called after every request that a limit refuses.
func (m *metrics) refused(by string) { m.limited.WithLabelValues(by).Inc() }

// observe is called after every request to the API; the operation is "" when
// the path had none, so that made-up paths do not make series.
func (m *metrics) observe(operation string, status int, took time.Duration) {
	of := m.series[operation]
	class := status / 100
	if of == nil || class < 0 || class >= len(of) {
		return
	}
	s := of[class].Load()
	if s == nil {
		s = m.resolve(operation, class)
		of[class].Store(s)
	}
	s.count.Inc()
	s.took.Observe(took.Seconds())
}

func (m *metrics) resolve(operation string, class int) *series {
	if operation == "" {
		operation = "none"
	}
	name := strconv.Itoa(class) + "xx"
	if class == 0 {
		name = "aborted"
	}
	return &series{m.requests.WithLabelValues(operation, name), m.duration.WithLabelValues(operation, name)}
}

// remembered counts the answers that were given from memory, and those of the
// same operations that were not.
func (s *Server) remembered() []prometheus.Collector {
	of := func(result string, count func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "floe_answers_total", Help: "Answers that may be kept in memory, by whether they were found there.",
			ConstLabels: prometheus.Labels{"result": result},
		}, count)
	}
	return []prometheus.Collector{
		of("hit", func() float64 { hits, _ := s.api.Remembered(); return float64(hits) }),
		of("miss", func() float64 { _, misses := s.api.Remembered(); return float64(misses) }),
	}
}

// dbCollector reads the database's own counters when Prometheus asks.
type dbCollector struct{ db *db.DB }

func desc(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

// Describe sends nothing: what is not described is not checked, and Collect
// always sends the same.
func (c *dbCollector) Describe(chan<- *prometheus.Desc) {}

// Collect sends the counters as they stand.
func (c *dbCollector) Collect(out chan<- prometheus.Metric) {
	s := c.db.Stats()
	for _, m := range []struct {
		name, help string
		value      float64
	}{
		{"floe_db_statements_total", "SQL statements run.", float64(s.Queries)},
		{"floe_db_writes_total", "Changes that were committed.", float64(s.Writes)},
		{"floe_db_commits_total", "Commits; several changes may share one.", float64(s.Batches)},
		{"floe_db_retries_total", "Changes that were run again after a conflict.", float64(s.Retries)},
		{"floe_db_write_wait_seconds_total", "Time that changes waited for their turn.", s.WriteWait.Seconds()},
	} {
		out <- prometheus.MustNewConstMetric(desc(m.name, m.help), prometheus.CounterValue, m.value)
	}
	if r, ok := c.db.Replica(); ok {
		collectReplica(out, s.Reads, r)
	}
}

var (
	descReads     = prometheus.NewDesc("floe_db_reads_total", "Reads outside of changes, by the server that answered.", []string{"server"}, nil)
	descFallbacks = prometheus.NewDesc("floe_db_replica_fallbacks_total",
		"Reads that the replica might have answered and the primary did, by reason: behind or unavailable.", []string{"reason"}, nil)
	descUp      = desc("floe_db_replica_up", "1 while the replica answers.")
	descLag     = desc("floe_db_replica_lag_seconds", "How far the replica is behind; missing while that is not known.")
	descLagSize = desc("floe_db_replica_lag_bytes", "Bytes of the primary's log that the replica has not repeated.")
)

func collectReplica(out chan<- prometheus.Metric, reads int64, r db.ReplicaStats) {
	gauge := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	count := func(d *prometheus.Desc, v int64, label string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), label)
	}
	up := 0.0
	if r.Up {
		up = 1
	}
	gauge(descUp, up)
	if r.LagTime >= 0 {
		gauge(descLag, r.LagTime.Seconds())
	}
	gauge(descLagSize, float64(r.LagSize))
	count(descReads, r.Served, "replica")
	count(descReads, reads-r.Served, "primary")
	count(descFallbacks, r.Behind, "behind")
	count(descFallbacks, r.Failed, "unavailable")
}

func ping(ctx context.Context, d *db.DB) error {
	_, err := db.One[int64](ctx, d, `SELECT COUNT(*) FROM settings`)
	return err
}
