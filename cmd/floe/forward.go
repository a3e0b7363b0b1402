package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"floe/internal/id"
	"floe/internal/webhook"
)

// forwarder sends changes to a program on this machine, as webhooks are sent.
type forwarder struct {
	to       string
	secret   string
	client   *http.Client
	print    func(result)
	kept     []delivery // the last ones, for sending again
	sent     int
	previous map[id.ID]int64 // the last number sent of each customer
}

// delivery is an event that was sent, or only shown.
type delivery struct {
	number int
	change change
	id     string // the same each time it is sent
	body   []byte
	before int64 // the customer's number before, 0 when it is not known
}

// result is how sending went.
type result struct {
	Number  int     `json:"number"`
	Seq     int64   `json:"seq"`
	Type    string  `json:"type"`
	Subject id.ID   `json:"subject_id"`
	Webhook string  `json:"webhook_id"`
	Again   bool    `json:"again"`
	Status  int     `json:"status,omitempty"`
	TookMS  float64 `json:"took_ms,omitempty"`
	Error   string  `json:"error,omitempty"`
	Body    string  `json:"response,omitempty"`
}

const (
	keptEvents  = 1000             // that can be sent again
	forwardTime = 30 * time.Second // for a program that stands in a debugger
)

func newForwarder(to, secret string, print func(result)) *forwarder {
	return &forwarder{to: to, secret: secret, print: print, previous: map[id.ID]int64{},
		client: &http.Client{Timeout: forwardTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// deliver sends a change that is an event of webhooks.
func (f *forwarder) deliver(ctx context.Context, c change) {
	if !slices.Contains(webhook.Types(), c.Type) || len(c.Data) == 0 || string(c.Data) == "null" {
		return
	}
	f.sent++
	d := delivery{number: f.sent, change: c, id: webhookID(&c), body: webhook.Envelope(c.Type, c.Timestamp, c.Data), before: f.previous[c.CustomerID]}
	if c.CustomerSeq != 0 {
		f.previous[c.CustomerID] = c.CustomerSeq
	}
	f.kept = append(f.kept, d)
	if len(f.kept) > keptEvents {
		f.kept = slices.Delete(f.kept, 0, 1)
	}
	f.print(f.post(ctx, &d))
}

// again sends what was asked for once more.
func (f *forwarder) again(ctx context.Context, key string) error {
	n, err := deliveryNumber(key, f.sent)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(f.kept, func(d delivery) bool { return d.number == n })
	if i < 0 {
		return fmt.Errorf("there is no event %d to send again", n)
	}
	r := f.post(ctx, &f.kept[i])
	r.Again = true
	f.print(r)
	return nil
}

func (f *forwarder) post(ctx context.Context, d *delivery) result {
	out := result{Number: d.number, Seq: d.change.Seq, Type: d.change.Type, Subject: d.change.SubjectID, Webhook: d.id}
	if f.to == "" {
		return out
	}
	start := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.to, strings.NewReader(string(d.body)))
	if err != nil {
		out.Error = err.Error()
		return out
	}
	f.head(r.Header, d, start)
	w, err := f.client.Do(r)
	out.TookMS = float64(time.Since(start).Microseconds()) / 1000
	if err != nil {
		out.Error = oneLine(cause(err)).Error()
		return out
	}
	defer func() { _ = w.Body.Close() }()
	text, _ := io.ReadAll(io.LimitReader(w.Body, 1024)) // it is only shown
	out.Status = w.StatusCode
	if w.StatusCode >= 300 {
		out.Body = strings.TrimSpace(string(text))
	}
	return out
}

func (f *forwarder) head(h http.Header, d *delivery, at time.Time) {
	h.Set("User-Agent", "floe-listen/"+version())
	h.Set("Content-Type", "application/json")
	h.Set("Webhook-Id", d.id)
	h.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("Webhook-Signature", webhook.Sign(d.id, at, d.body, f.secret))
	if d.before != 0 && d.change.CustomerSeq != 0 {
		h.Set("Webhook-Sequence", strconv.FormatInt(d.change.CustomerSeq, 10))
		h.Set("Webhook-Previous-Sequence", strconv.FormatInt(d.before, 10))
	}
}

// webhookID is the same for one event in every session.
func webhookID(c *change) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %s", c.Seq, c.Type, c.SubjectID))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80 // version 4, RFC variant
	h := fmt.Sprintf("%x", sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// printer shows results: for people, or as JSON.
func (c *listenCommand) printer(io *streams) func(result) {
	if c.JSON {
		return func(r result) { _ = printLine(io.out, r) }
	}
	return func(r result) { _, _ = fmt.Fprintln(io.out, r.String()) }
}

// String is a line for people.
func (r result) String() string {
	line := fmt.Sprintf("%4d  %-26s %s", r.Number, printable(r.Type), r.Subject)
	if r.Again {
		line += "  (again)"
	}
	switch {
	case r.Error != "":
		return line + "  failed: " + printable(r.Error)
	case r.Status != 0:
		line += fmt.Sprintf("  %d %s  %.0f ms", r.Status, http.StatusText(r.Status), r.TookMS)
		if r.Body != "" {
			line += "  " + printable(r.Body)
		}
	}
	return line
}

func printLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }
