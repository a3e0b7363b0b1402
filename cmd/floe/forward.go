package main

import (
	"context"
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

// forwarder sends events to a program on this machine, as webhooks are sent.
type forwarder struct {
	to     string
	secret string
	client *http.Client
	print  func(result)
	kept   []delivery // the last ones, for sending again
	sent   int
}

// delivery is an event that was sent, or only shown.
type delivery struct {
	heard
	number int
}

// result is how sending went.
type result struct {
	Number  int     `json:"number"`
	Type    string  `json:"type"`
	Subject id.ID   `json:"subject_id"`
	Webhook id.ID   `json:"webhook_id"`
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
	return &forwarder{to: to, secret: secret, print: print,
		client: &http.Client{Timeout: forwardTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// deliver sends an event. The server sends one twice where a connection broke
// before it knew that it had arrived.
func (f *forwarder) deliver(ctx context.Context, e heard) {
	if slices.ContainsFunc(f.kept, func(d delivery) bool { return d.ID == e.ID }) {
		return
	}
	f.sent++
	d := delivery{e, f.sent}
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
	out := result{Number: d.number, Type: d.Type, Subject: d.subject(), Webhook: d.ID}
	if f.to == "" {
		return out
	}
	start := time.Now()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, f.to, strings.NewReader(d.Body))
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
	h.Set("Webhook-Id", string(d.ID))
	h.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("Webhook-Signature", webhook.Sign(string(d.ID), at, []byte(d.Body), f.secret))
	if d.CustomerSeq != nil && d.PreviousSeq != nil {
		h.Set("Webhook-Sequence", strconv.FormatInt(*d.CustomerSeq, 10))
		h.Set("Webhook-Previous-Sequence", strconv.FormatInt(*d.PreviousSeq, 10))
	}
}

// subject is the id of what the event is about.
func (d *delivery) subject() id.ID {
	var body struct{ Data struct{ ID id.ID } }
	_ = json.Unmarshal([]byte(d.Body), &body) // it is only shown
	return body.Data.ID
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
