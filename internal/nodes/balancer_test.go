package nodes_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// balancer is a plain load balancer: it asks each node whether it is ready,
// takes the ready ones in turn, and sends a request once more only where it
// could not connect, so that it has reached nobody.
type balancer struct {
	*httptest.Server
	backends []*backend
	turn     atomic.Int64
}

type backend struct {
	*node
	healthy   atomic.Bool
	transport *http.Transport
}

// checkEvery is how often a node is asked, and so how long a balancer takes to
// learn that one is leaving.
const checkEvery = 100 * time.Millisecond

func newBalancer(t *testing.T, nodes ...*node) *balancer {
	b := &balancer{}
	for _, n := range nodes {
		x := &backend{node: n, transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		b.backends = append(b.backends, x)
		go x.check(t.Context())
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(*httputil.ProxyRequest) {},
		Transport:    b,
		ErrorHandler: b.fail,
	}
	b.Server = httptest.NewServer(proxy)
	t.Cleanup(b.Close)
	return b
}

func (x *backend) check(ctx context.Context) {
	for ctx.Err() == nil {
		x.healthy.Store(x.ready(ctx))
		time.Sleep(checkEvery)
	}
}

// next is a node that is ready, none twice in a request.
func (b *balancer) next(tried map[*backend]bool) *backend {
	for range b.backends {
		x := b.backends[int(b.turn.Add(1))%len(b.backends)]
		if x.healthy.Load() && !tried[x] {
			return x
		}
	}
	return nil
}

// lost is the error of a request that reached a node and was not answered.
type lost struct {
	life *life
	error
}

// RoundTrip sends a request to a node.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	tried := map[*backend]bool{}
	for {
		x := b.next(tried)
		if x == nil {
			return nil, errors.New("no node is ready")
		}
		tried[x] = true
		l := x.life.Load()
		to := r.Clone(r.Context())
		to.URL = &url.URL{Scheme: "http", Host: x.address, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		to.Body, to.GetBody = http.NoBody, nil
		if len(body) > 0 {
			to.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
			to.Body, _ = to.GetBody()
		}
		w, err := x.transport.RoundTrip(to)
		if err == nil {
			return w, nil
		}
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			x.healthy.Store(false)
			continue
		}
		return nil, lost{l, err}
	}
}

// fail answers for a node that did not. Who was killed may lose what it had in
// hand; nobody else may lose anything.
func (b *balancer) fail(w http.ResponseWriter, _ *http.Request, err error) {
	name := "no node"
	var l lost
	if errors.As(err, &l) {
		if l.life.killed.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		name = l.life.name
	}
	w.WriteHeader(http.StatusTeapot) // nobody else says that
	_, _ = io.WriteString(w, name+": "+err.Error())
}
