package webhook

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	headTime  = 10 * time.Second // from dialling to the last header
	bodyTime  = 10 * time.Second
	maxRead   = 64 << 10 // bytes of an answer that are read
	maxKept   = 2048     // characters of it that are kept
	perTarget = 64       // connections to a host
)

// sender makes the requests.
type sender struct {
	client *http.Client
	agent  string
}

func newSender(version string, allowPrivate bool) *sender {
	dialer := &net.Dialer{Timeout: headTime, KeepAlive: 30 * time.Second}
	if !allowPrivate {
		dialer.Control = guard
	}
	return &sender{agent: "floe-webhooks/" + version, client: &http.Client{
		Transport: &http.Transport{
			// No proxy: the guard has to see whom the connection is to.
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           1024,
			MaxIdleConnsPerHost:    perTarget,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    headTime,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // a small answer stays a small answer
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// parcel is what one attempt sends.
type parcel struct {
	url      string
	id       string
	body     string
	secrets  []string
	at       time.Time
	seq      *int64
	previous *int64
}

// outcome is how an attempt went.
type outcome struct {
	code       *int64
	response   *string
	retryAfter string
	took       time.Duration
	hopeless   bool // trying again cannot help
}

func (o *outcome) ok() bool { return o.code != nil && *o.code >= 200 && *o.code < 300 }

// send makes one attempt. It ends in half a minute, whatever the receiver does.
func (s *sender) send(ctx context.Context, p *parcel) (o outcome) {
	start := time.Now()
	defer func() { o.took = time.Since(start) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	limit := time.AfterFunc(headTime, cancel)
	defer limit.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(p.body))
	if err != nil {
		return outcome{response: keep("The address is not a URL."), hopeless: true}
	}
	s.head(r, p)
	answer, err := s.client.Do(r)
	if err != nil {
		return outcome{response: keep(explain(err, ctx.Err() != nil))}
	}
	defer func() { _ = answer.Body.Close() }()
	limit.Reset(bodyTime)
	var body []byte
	if answer.StatusCode != http.StatusSwitchingProtocols { // after that the connection is ours, and no limit ends a read from it
		body, _ = io.ReadAll(io.LimitReader(answer.Body, maxRead)) // the status is the answer, however the rest ends
	}
	code := int64(answer.StatusCode)
	return outcome{code: &code, response: keep(string(body)), retryAfter: answer.Header.Get("Retry-After")}
}

func (s *sender) head(r *http.Request, p *parcel) {
	h := r.Header
	h.Set("User-Agent", s.agent)
	h.Set("Content-Type", "application/json")
	h.Set("Webhook-Id", p.id)
	h.Set("Webhook-Timestamp", strconv.FormatInt(p.at.Unix(), 10))
	h.Set("Webhook-Signature", Sign(p.id, p.at, []byte(p.body), p.secrets...))
	if p.seq != nil && p.previous != nil {
		h.Set("Webhook-Sequence", strconv.FormatInt(*p.seq, 10))
		h.Set("Webhook-Previous-Sequence", strconv.FormatInt(*p.previous, 10))
	}
}

// explain is why there was no answer, without the URL: it may hold a password.
func explain(err error, late bool) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		late = late || u.Timeout()
		err = u.Err
	}
	switch {
	case errors.Is(err, errPrivate):
		return errPrivate.Error()
	case late:
		return "The receiver did not answer within 10 seconds."
	}
	return err.Error()
}

// keep is the part of an answer that is stored, nil for none.
func keep(text string) *string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if utf8.RuneCountInString(text) > maxKept {
		text = string([]rune(text)[:maxKept])
	}
	if text == "" {
		return nil
	}
	return &text
}
