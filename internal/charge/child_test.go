package charge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/payment"
	"floe/internal/server"
)

// childVariable is where this test binary finds the orders of a server that it
// is to be.
const childVariable = "FLOE_CHARGE_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := serve(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// orders say what a server is to be, and where it ends by its own hand.
type orders struct {
	DataDir, URL     string
	Address, Control string // where it serves, and where it is told the time
	Bank             string // where its processor is
	Ahead            time.Duration
	Die              db.Point
	After            int64 // when it has passed the point so many times
}

// The points of a processor's calls, beside those of commits.
const (
	charging  db.Point = "before a charge"
	charged   db.Point = "after a charge"
	refunding db.Point = "before a refund"
	refunded  db.Point = "after a refund"
)

// child is a server that is killed. It is also its clock, which is ahead of the
// wall's, and more so whenever it is told.
type child struct {
	orders
	db     *db.DB
	server *server.Server
	ahead  atomic.Int64
	passed atomic.Int64
}

func (c *child) Now() time.Time {
	return clock.Normal(time.Now().Add(time.Duration(c.ahead.Load())))
}

func (c *child) reached(p db.Point) {
	if p == c.Die && c.passed.Add(1) > c.After {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// serve is a server until it is killed, or its parent has gone.
func serve(text string) error {
	c := &child{}
	if err := json.Unmarshal([]byte(text), &c.orders); err != nil {
		return err
	}
	c.ahead.Store(int64(c.Ahead))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	logger := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	var err error
	c.db, err = db.Open(ctx, db.Config{DataDir: c.DataDir, URL: c.URL, Clock: c, Reached: c.reached, Alone: true, ReadConns: 6, Logger: logger})
	if err != nil {
		return err
	}
	c.server, err = server.New(ctx, server.Config{DB: c.db, Clock: c, Logger: logger, Processor: c, AllowPrivateWebhooks: true, WebhookRetention: 100 * 365 * 24 * time.Hour, AnswerMemory: 8 << 20})
	if err != nil {
		return err
	}
	control, err := net.Listen("tcp", c.Control)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(control, http.HandlerFunc(c.told)) }() //nolint:gosec // for a test
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return err
	}
	return c.server.Run(ctx, l)
}

// told moves the clock and does what is due then, beside the loops that do
// that as well.
func (c *child) told(w http.ResponseWriter, r *http.Request) {
	ahead, err := strconv.ParseInt(r.URL.Query().Get("ahead"), 10, 64)
	if err == nil {
		c.ahead.Store(ahead)
		err = c.server.RunDue(context.WithoutCancel(r.Context()))
		_, failed := c.server.Webhooks.Drain(context.WithoutCancel(r.Context()))
		err = errors.Join(err, failed)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// The child's processor, which is somewhere else.

func (c *child) Name() string                       { return "stripe" }
func (c *child) Capabilities() payment.Capabilities { return floetest.Everything }

func (c *child) EnsureCustomer(_ context.Context, p payment.Payer) (string, error) {
	return "cus_" + string(p.Customer), nil
}

func (c *child) DetachMethod(context.Context, string) error { return nil }

func (c *child) Charge(ctx context.Context, x payment.Charge) (r payment.ChargeResult, err error) {
	c.reached(charging)
	err = c.ask(ctx, "/charges", x, &r)
	c.reached(charged)
	return r, err
}

func (c *child) Refund(ctx context.Context, x payment.Refund) (r payment.RefundResult, err error) {
	c.reached(refunding)
	err = c.ask(ctx, "/refunds", x, &r)
	c.reached(refunded)
	return r, err
}

func (c *child) ParseWebhook(_ http.Header, body []byte) (list []payment.Event, err error) {
	return list, json.Unmarshal(body, &list)
}

// ask is a call of the processor. Whatever goes wrong on the way, the
// connection broke.
func (c *child) ask(ctx context.Context, path string, x, into any) error {
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Bank+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", floetest.ErrLost, err)
	}
	defer func() { _ = w.Body.Close() }()
	if w.StatusCode != http.StatusOK {
		return floetest.ErrLost
	}
	return json.NewDecoder(w.Body).Decode(into)
}
