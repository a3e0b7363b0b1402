package webhook

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"floe/internal/db"
)

// metrics are what operators are told of the deliveries.
type metrics struct {
	lag      prometheus.Histogram
	attempts *prometheus.CounterVec
	failures *prometheus.CounterVec
	took     prometheus.Histogram
	disabled *prometheus.CounterVec
	queue    *queueCollector
}

var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 600, 3600}

func newMetrics(s *Service) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &metrics{
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "floe_webhook_lag_seconds", Help: "Time from the writing of an event to the first attempt to deliver it.", Buckets: buckets}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "floe_webhook_attempt_duration_seconds", Help: "Time that receivers took.", Buckets: buckets}),
		attempts: counter("floe_webhook_attempts_total", "Attempts to deliver by what they led to.", "result"),
		failures: counter("floe_webhook_failures_total", "Attempts that failed, by endpoint.", "endpoint"),
		disabled: counter("floe_webhook_endpoints_disabled_total", "Endpoints that the server has switched off, by reason.", "reason"),
		queue:    &queueCollector{s},
	}
}

func (m *metrics) attempted(r *result) {
	name := map[verdict]string{delivered: "delivered", retried: "retried", givenUp: "given_up"}[r.verdict]
	m.attempts.WithLabelValues(name).Inc()
	m.took.Observe(r.took.Seconds())
	if r.verdict != delivered {
		m.failures.WithLabelValues(string(r.EndpointID)).Inc()
	}
}

// Collectors are the metrics, to be registered once.
func (s *Service) Collectors() []prometheus.Collector {
	m := s.metrics
	return []prometheus.Collector{m.lag, m.took, m.attempts, m.failures, m.disabled, m.queue}
}

// queueCollector asks the database when Prometheus asks.
type queueCollector struct{ s *Service }

var (
	descPending = prometheus.NewDesc("floe_webhook_queue_events", "Events that wait to be delivered.", nil, nil)
	descAge     = prometheus.NewDesc("floe_webhook_queue_age_seconds", "Age of the oldest event that waits to be delivered.", nil, nil)
)

// Describe sends what Collect will.
func (c *queueCollector) Describe(out chan<- *prometheus.Desc) { out <- descPending; out <- descAge }

// Collect asks for the length and age of the queue.
func (c *queueCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) //nolint:forbidigo // Prometheus passes none
	defer cancel()
	pending, err := db.One[int64](ctx, c.s.DB, `SELECT COALESCE(CAST(SUM(pending) AS bigint), 0) FROM webhook_lanes WHERE pending > 0`)
	if err != nil {
		return
	}
	out <- prometheus.MustNewConstMetric(descPending, prometheus.GaugeValue, float64(pending))
	oldest, err := db.All[time.Time](ctx, c.s.DB, `SELECT e.created_at FROM webhook_queue q
		JOIN webhook_events e ON e.organization_id = q.organization_id AND e.id = q.event_id ORDER BY q.seq LIMIT 1`)
	if err != nil {
		return
	}
	age := 0.0
	if len(oldest) > 0 {
		age = max(c.s.now().Sub(oldest[0]).Seconds(), 0)
	}
	out <- prometheus.MustNewConstMetric(descAge, prometheus.GaugeValue, age)
}
