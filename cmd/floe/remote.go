package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"floe/internal/id"
)

// remoteOptions say which server a command talks to, over HTTP like any
// client.
type remoteOptions struct {
	URL          string `name:"url" env:"FLOE_URL" default:"http://127.0.0.1:8787" placeholder:"URL" help:"The server (${default})."`
	Token        string `env:"FLOE_TOKEN" placeholder:"TOKEN" secret:"" help:"Access token; \"floe token create\" makes one."`
	Organization string `narrows:"" placeholder:"SLUG" help:"The organization, for the token of a user who belongs to several."`
}

// remote is a server, seen as a client sees it.
type remote struct {
	base   string
	token  string
	org    id.ID // that requests are confined to; none for all that the token reaches
	client *http.Client
}

func (o remoteOptions) remote(ctx context.Context) (*remote, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, exit{exitUsage, fmt.Errorf("--url (FLOE_URL) %q is not a URL like https://billing.example.com", o.URL)}
	}
	if o.Token == "" {
		return nil, exit{exitUsage, errors.New("the server wants a token: set --token (FLOE_TOKEN); \"floe token create\" makes one")}
	}
	r := &remote{base: strings.TrimSuffix(o.URL, "/"), token: o.Token, client: &http.Client{}}
	if o.Organization == "" {
		return r, nil
	}
	var found struct {
		Items []struct {
			ID id.ID `json:"id"`
		} `json:"items"`
	}
	if err := r.call(ctx, http.MethodGet, "/v1/organizations/?"+url.Values{"slug": {o.Organization}}.Encode(), nil, &found); err != nil {
		return nil, err
	}
	if len(found.Items) == 0 {
		return nil, fmt.Errorf("the token reaches no organization with the slug %q", o.Organization)
	}
	r.org = found.Items[0].ID
	return r, nil
}

// refusal is an answer that is no success. Trying again does not help when the
// request itself is at fault.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string {
	if r.text == foreign {
		return fmt.Sprintf("the server answered %d, and not as Floe does; check --url (FLOE_URL)", r.status)
	}
	text := fmt.Sprintf("the server answered %d: %s", r.status, r.text)
	switch {
	case r.status == http.StatusUnauthorized:
		text += " Check --token (FLOE_TOKEN); \"floe token create\" makes another."
	case r.status == http.StatusUnprocessableEntity && strings.HasPrefix(r.text, "organization_id "):
		text += " Name one with --organization."
	case r.status == http.StatusNotFound && r.text == noSuchPath:
		text += "; check --url (FLOE_URL), which has nothing after the host as a rule"
	}
	return text
}

// noSuchPath is what a server says of a path that it does not have.
const noSuchPath = "Not Found"

// foreign stands for an answer that is none of Floe's.
const foreign = "not as Floe does"

func (r *refusal) final() bool {
	return r.status >= 400 && r.status < 500 && r.status != http.StatusTooManyRequests && r.status != http.StatusRequestTimeout
}

func (r *remote) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(b)
	}
	q, err := http.NewRequestWithContext(ctx, method, r.base+path, text)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+r.token)
	if r.org != "" {
		q.Header.Set("Polar-Organization", string(r.org))
	}
	if body != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	return q, nil
}

// send makes a request and answers the response when it is a success.
func (r *remote) send(q *http.Request) (*http.Response, error) {
	w, err := r.client.Do(q)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, fmt.Errorf("cannot reach %s: %w; check --url (FLOE_URL) and that the server runs", r.base, cause(err))
	}
	kind, _, _ := mime.ParseMediaType(w.Header.Get("Content-Type"))
	ours := kind == "application/json" || kind == "text/event-stream" || w.StatusCode == http.StatusNoContent
	if ours && w.StatusCode < 300 {
		return w, nil
	}
	defer func() { _ = w.Body.Close() }()
	if !ours { // a page of somebody else, such as the program on the port beside, or a proxy
		return nil, &refusal{w.StatusCode, foreign}
	}
	text, _ := io.ReadAll(io.LimitReader(w.Body, 4096)) // the status says enough
	return nil, &refusal{w.StatusCode, saidIn(text) + lacking(w.Header)}
}

var scopesAsked = regexp.MustCompile(`\bscope="([^"]+)"`)

// lacking says which scopes would have done, where a token has none of them.
func lacking(h http.Header) string {
	challenge := h.Get("WWW-Authenticate")
	asked := scopesAsked.FindStringSubmatch(challenge)
	if asked == nil || !strings.Contains(challenge, "insufficient_scope") {
		return ""
	}
	return " It needs the scope " + strings.ReplaceAll(asked[1], " ", " or ") + "."
}

// saidIn is what an error answer says, for people.
func saidIn(text []byte) string {
	var e struct {
		Detail      json.RawMessage `json:"detail"`
		Description string          `json:"error_description"`
	}
	_ = json.Unmarshal(text, &e) // anything else is shown as it is
	var detail string
	var problems []struct {
		Loc []any  `json:"loc"`
		Msg string `json:"msg"`
	}
	switch {
	case e.Description != "":
		return e.Description
	case json.Unmarshal(e.Detail, &detail) == nil && detail != "":
		return detail
	case json.Unmarshal(e.Detail, &problems) == nil && len(problems) > 0:
		for i, p := range problems {
			if where := fmt.Sprint(p.Loc[max(len(p.Loc)-1, 0):]...); !strings.Contains(p.Msg, where) {
				problems[i].Msg = where + ": " + p.Msg
			}
			detail = strings.TrimSpace(detail + " " + problems[i].Msg)
		}
		return detail
	case len(e.Detail) > 0:
		return string(e.Detail)
	}
	return strings.TrimSpace(string(text))
}

// callTime bounds one call.
const callTime = 30 * time.Second

// call makes a request and reads the answer into a value, unless that is nil.
func (r *remote) call(ctx context.Context, method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	q, err := r.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	w, err := r.send(q)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	if into == nil {
		return nil
	}
	return json.NewDecoder(w.Body).Decode(into)
}
