package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/schema"
)

// Config is what a Handler needs beside its operations.
type Config struct {
	Operations []*Operation
	Auth       auth.Authenticator
	Logger     *slog.Logger
	Realm      string        // of WWW-Authenticate; "polar" when empty
	BodyTime   time.Duration // how long a body may take to arrive; 30 s when zero
	// Limit bounds how often one address may call what is Limited.
	Limit Limit
	// Rates bound how often anybody may call anything.
	Rates Rates
	// Proxies are those whose word on where a request comes from is taken, in
	// X-Forwarded-For.
	Proxies []netip.Prefix
	// Versions say whether an answer can be used again. Where they are nil,
	// none is.
	Versions *db.Versions
	// AnswerMemory is how many bytes of answers are kept at most. None are when
	// it is zero.
	AnswerMemory int
	// Now is the clock of the limit; the wall's when nil.
	Now       func() time.Time
	PieceTime time.Duration // how long a caller may take for a piece of what is streamed to it; 10 s when zero
	// Replica says that the database has a replica, so that answers to changes
	// say what a reader must ask for to see them.
	Replica bool
	// Observe is called after each request with the operation's id ("" when none
	// matched), its status and how long it took.
	Observe func(operation string, status int, took time.Duration)
	// Refused is called for each request that a limit refuses: that on a
	// "token", an "address", or the calls with a "license_key".
	Refused func(by string)
}

// Handler serves the operations of an API.
type Handler struct {
	Config
	mux    *chi.Mux
	routes map[string]*Operation // method and pattern
	limit  *limiter
	rates  *rates
	memory *memory
	held   chan struct{} // as many as there may be big bodies
	big    chan struct{} // as many of those as may be worked on
}

// New builds the router. Two operations with one method and path are a mistake
// of the program.
func New(c Config) *Handler {
	if c.Realm == "" {
		c.Realm = "polar"
	}
	if c.BodyTime == 0 {
		c.BodyTime = 30 * time.Second
	}
	if c.PieceTime == 0 {
		c.PieceTime = 10 * time.Second
	}
	if c.Observe == nil {
		c.Observe = func(string, int, time.Duration) {}
	}
	if c.Refused == nil {
		c.Refused = func(string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	h := &Handler{
		Config: c, limit: newLimiter(c.Limit, c.Now), rates: newRates(c.Rates, c.Proxies),
		memory: newMemory(c.Versions, c.AnswerMemory),
		mux:    chi.NewMux(), routes: map[string]*Operation{}, held: make(chan struct{}, heldBodies), big: make(chan struct{}, bigBodies),
	}
	for _, o := range c.Operations {
		if !o.public && len(o.Needs) == 0 {
			panic("api: " + o.Method + " " + o.Path + " says neither who may call it nor that it is public")
		}
		key := o.Method + " " + canonical(o.Path)
		if h.routes[key] != nil {
			panic("api: " + key + " is declared twice")
		}
		h.routes[key] = o
		h.mux.MethodFunc(o.Method, canonical(o.Path), func(http.ResponseWriter, *http.Request) {})
	}
	return h
}

// canonical is a path without its trailing slash and without doubled leading
// ones: both slash forms are the same operation and no request is redirected.
func canonical(path string) string {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}

// plainly writes letters as themselves that need no escape: it is the same path
// (RFC 3986, section 6.2.2.2). What means something else escaped stays so.
func plainly(path string) string {
	if strings.IndexByte(path, '%') < 0 {
		return path
	}
	out := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			n, err := strconv.ParseUint(path[i+1:i+3], 16, 8)
			if b := byte(n); err == nil && (b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("-._~", b) >= 0) {
				out = append(out, b)
				i += 2
				continue
			}
		}
		out = append(out, path[i])
	}
	return string(out)
}

// call is one request on its way.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	sub    auth.Subject
	op     *Operation
	params *chi.Context
	status int
	id     string
	start  time.Time
	began  time.Duration // of a stream: when its answer began
	gone   error         // of a stream: why nobody listens any more
}

var routeContexts = sync.Pool{New: func() any { return chi.NewRouteContext() }}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	params := routeContexts.Get().(*chi.Context)
	params.Reset()
	defer routeContexts.Put(params)
	c := &call{w: w, r: r, params: params, id: string(id.New()), start: start}
	w.Header()["X-Request-Id"] = []string{c.id}
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			h.fail(c, fmt.Errorf("panic: %v\n%s", p, stack()))
		}
		h.done(c, time.Since(start))
	}()
	if err := h.serve(c); err != nil {
		h.fail(c, err)
	}
}

// serve is the order of checks that the contract fixes: version, CORS, size,
// credential, organization header, route, JSON syntax, scope, input, work.
func (h *Handler) serve(c *call) error {
	if !h.version(c) {
		return errNotFound
	}
	if h.cors(c) {
		return nil
	}
	if c.r.ContentLength > MaxBody {
		return tooLarge()
	}
	if err := h.admit(c); err != nil {
		return err
	}
	if err := h.route(c); err != nil {
		return err
	}
	if err := h.limited(c); err != nil {
		return err
	}
	refused := c.op.accepts(&c.sub)
	text, done, err := h.read(c, refused)
	defer done()
	if err != nil {
		return err
	}
	if refused != nil {
		return c.refuse(text, refused)
	}
	if h.again(c) {
		return nil
	}
	leave, err := h.enter(c.r.Context(), len(text))
	if err != nil {
		return err
	}
	defer leave()
	body, err := c.parse(text)
	if err != nil {
		return err
	}
	in, err := c.op.input.bind(c.param, c.r.URL.RawQuery, body)
	if err != nil {
		return err
	}
	ctx := c.r.Context()
	if t := c.sub.Clock(); t != nil && !c.op.public { // what anyone may ask is asked in the time of whom it is about
		ctx = clock.WithTime(ctx, *t)
	}
	if c.op.follow != nil {
		if c.wantsEvents() {
			return h.events(c, in)
		}
		ctx = context.WithValue(ctx, stillKey{}, func() (bool, error) { return h.still(c) })
	}
	read := h.memory.begin(c)
	view, err := h.view(c)
	if err != nil {
		return err
	}
	out, err := c.within(ctx, view, func(ctx context.Context) (any, error) { return c.op.run(ctx, c.sub, in) })
	if err != nil {
		return asSent(err, body)
	}
	return h.answer(c, out, read)
}

func (c *call) param(name string) string {
	v, err := url.PathUnescape(c.params.URLParam(name))
	if err != nil {
		v = c.params.URLParam(name)
	}
	return valid(v)
}

var (
	errNotFound = plain{http.StatusNotFound, `{"detail":"Not Found"}`}
	errMethod   = plain{http.StatusMethodNotAllowed, `{"detail":"Method Not Allowed"}`}
)

// plain is an answer of the router, which has no "error" key.
type plain struct {
	status int
	body   string
}

func (p plain) Error() string { return p.body }

// insufficientScope is the 403 of OAuth 2 (RFC 6750 section 3.1).
type insufficientScope struct{ needs []auth.Scope }

func (insufficientScope) Error() string { return "insufficient scope" }

// admit finds out who calls, and refuses those who call too often. Who has
// tried too many bad tokens may not make the database look for another.
func (h *Handler) admit(c *call) error {
	if err := h.rates.spent(c.r, c.start); err != nil && !h.Auth.Known(bearerOf(c.r.Header.Get("Authorization"))) {
		return err
	}
	err := h.authenticate(c)
	switch {
	case errors.Is(err, auth.ErrInvalid):
		_ = h.rates.stranger(c.r, c.start) // which is felt the next time
		return err
	case c.sub.TokenID != "":
		return cmp.Or(h.rates.token(c.sub.TokenID, c.start), err)
	case err == nil:
		return h.rates.stranger(c.r, c.start)
	}
	return err
}

// limited refuses those who call an operation too often that has a limit of
// its own.
func (h *Handler) limited(c *call) error {
	if !c.op.limited || h.Limit.Calls <= 0 {
		return nil
	}
	addr, ok := h.rates.address(c.r)
	if !ok {
		return nil
	}
	return h.limit.check(addr)
}

func (h *Handler) authenticate(c *call) error {
	bearer := bearerOf(c.r.Header.Get("Authorization"))
	if bearer == "" {
		return nil
	}
	sub, err := h.Auth.Authenticate(c.r.Context(), bearer)
	if err != nil {
		return err
	}
	sub.RequestID = c.id
	c.sub = sub
	return c.narrow()
}

// bearerOf reads the credential of a header; anything that is not a bearer
// token in ASCII counts as none.
func bearerOf(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	token = strings.TrimSpace(token)
	for i := range len(token) {
		if token[i] > 126 {
			return ""
		}
	}
	return token
}

// narrow applies the Polar-Organization header.
func (c *call) narrow() error {
	v, ok := c.r.Header["Polar-Organization"]
	if !ok || c.sub.Kind != auth.User && c.sub.Kind != auth.Organization {
		return nil
	}
	org, problem := id.ParseAny(strings.TrimSpace(v[0]))
	if !problem.OK() {
		return fault.InvalidRequestedOrganization.New()
	}
	sub, ok := c.sub.Narrow(org)
	if !ok {
		return fault.RequestedOrganizationNotAccessible.New()
	}
	c.sub = sub
	return nil
}

var methods = []string{"DELETE", "GET", "PATCH", "POST", "PUT"}

// find is the operation of a path, nil for none. A parameter is never empty,
// which chi does not mind.
func (h *Handler) find(params *chi.Context, method, path string) *Operation {
	pattern := h.mux.Find(params, method, path)
	if pattern == "" || slices.Contains(params.URLParams.Values, "") {
		return nil
	}
	return h.routes[method+" "+pattern]
}

func (h *Handler) route(c *call) error {
	path := canonical(plainly(c.r.URL.EscapedPath()))
	if c.op = h.find(c.params, c.r.Method, path); c.op != nil {
		return nil
	}
	var allowed []string
	for _, m := range methods {
		if h.find(chi.NewRouteContext(), m, path) != nil {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		return errNotFound
	}
	c.w.Header().Set("Allow", strings.Join(allowed, ", "))
	return errMethod
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// maxPooled keeps one big answer from holding its memory for ever.
const maxPooled = 1 << 20

func (h *Handler) answer(c *call, out any, read *reading) error {
	switch out := out.(type) {
	case *None:
		c.head(c.op.Status, "", -1)
		return nil
	case *Table:
		return h.stream(c, out)
	}
	p := buffers.Get().(*[]byte)
	b := schema.Append((*p)[:0], out)
	h.memory.keep(read, out, b)
	if !c.op.tagged || !c.unchanged(b) {
		c.write(c.op.Status, "application/json", b)
	}
	if cap(b) <= maxPooled {
		*p = b
		buffers.Put(p)
	}
	return nil
}

func (c *call) head(status int, media string, length int) {
	header := c.w.Header()
	if media != "" {
		header["Content-Type"] = []string{media}
	}
	if length >= 0 {
		header["Content-Length"] = []string{strconv.Itoa(length)}
	}
	if header["Cache-Control"] == nil {
		header["Cache-Control"] = noStore
	}
	header["X-Content-Type-Options"] = noSniff
	header["Content-Security-Policy"] = noPage
	header["Referrer-Policy"] = noReferrer
	c.status = status
	c.w.WriteHeader(status)
}

var (
	noStore = []string{"private, no-store"}
	noSniff = []string{"nosniff"}
	// Answers are data: a browser that is made to open one runs, loads and
	// frames nothing, and tells nobody of the address.
	noPage     = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
)

func (c *call) write(status int, media string, body []byte) {
	c.head(status, media, len(body))
	_, _ = c.w.Write(body) // the caller has gone: there is nobody to tell
}

// fail answers an error. It is the only place that does.
func (h *Handler) fail(c *call, err error) {
	if c.status != 0 { // the answer has begun: cutting it off is all that is left
		level := slog.LevelError
		if c.r.Context().Err() != nil || errors.Is(err, auth.ErrInvalid) { // the caller has gone, did not read, or was refused: nothing of ours is wrong
			level = slog.LevelInfo
		}
		h.Logger.Log(context.Background(), level, "answer cut off", "request_id", c.id, "error", err)
		panic(http.ErrAbortHandler)
	}
	defer h.drain(c)
	var (
		problems *schema.Problems
		router   plain
		scope    insufficientScope
		many     tooMany
	)
	switch {
	case errors.As(err, &many):
		h.Refused(many.by)
		c.w.Header().Set("Retry-After", many.seconds())
		c.head(http.StatusTooManyRequests, "", 0)
	case errors.As(err, &problems):
		c.write(http.StatusUnprocessableEntity, "application/json", problems.AppendJSON(nil))
	case errors.As(err, &router):
		c.write(router.status, "application/json", []byte(router.body))
	case errors.As(err, &scope):
		needs := `scope="` + auth.ScopeNames(sortedScopes(scope.needs), " ") + `", `
		h.challenge(c, http.StatusForbidden, needs, "insufficient_scope",
			"The request requires higher privileges than provided by the access token.")
	case errors.Is(err, auth.ErrInvalid):
		h.challenge(c, http.StatusUnauthorized, "", "invalid_token",
			"The access token provided is expired, revoked, malformed, or invalid for other reasons.")
	default:
		h.fault(c, err)
	}
}

// challenge answers as RFC 6750 has it.
func (h *Handler) challenge(c *call, status int, scope, name, text string) {
	header := c.w.Header()
	header.Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s", %serror="%s", error_description="%s"`, h.Realm, scope, name, text))
	header.Set("Cache-Control", "no-store")
	header.Set("Pragma", "no-cache")
	c.write(status, "application/json", fmt.Appendf(nil, `{"error":"%s","error_description":"%s"}`, name, text))
}

func (h *Handler) fault(c *call, err error) {
	f := fault.Of(err)
	if f == nil && c.r.Context().Err() != nil { // the caller hung up; nobody reads this
		f = fault.RequestTimeout.Because(err)
	}
	if f == nil && (errors.Is(err, db.ErrUnavailable) || errors.Is(err, db.ErrBusy)) {
		f = fault.Unavailable.Because(err)
	}
	if f == nil {
		f = fault.Internal.Because(err)
	}
	if f.Kind.Status >= 500 {
		h.Logger.Error("request failed", "request_id", c.id, "method", c.r.Method, "path", c.r.URL.Path, "error", err)
	}
	if f.Kind.Status == http.StatusUnauthorized {
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="`+h.Realm+`"`)
	}
	if f.Kind.Status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "1")
	}
	body := append([]byte(`{"error":`), schema.JSON(f.Kind.Name)...)
	body = append(append(body, `,"detail":`...), schema.JSON(f.Detail)...)
	if f.Kind.Status >= 500 {
		body = append(append(body, `,"request_id":`...), schema.JSON(c.id)...)
	}
	c.write(f.Kind.Status, "application/json", append(body, '}'))
}

func (h *Handler) done(c *call, took time.Duration) {
	name := ""
	if c.op != nil {
		name = c.op.ID
	}
	answered := took
	if c.began != 0 { // how long a stream lasts says nothing about the server
		answered = c.began
	}
	h.Observe(name, c.status, answered)
	if !h.Logger.Enabled(context.Background(), slog.LevelInfo) {
		return
	}
	h.Logger.LogAttrs(context.Background(), slog.LevelInfo, "request",
		slog.String("request_id", c.id), slog.String("method", c.r.Method), slog.String("path", c.r.URL.Path),
		slog.Int("status", c.status), slog.Int64("took_us", took.Microseconds()), slog.String("subject", c.sub.Kind.String()))
}

func stack() []byte {
	var b bytes.Buffer
	writeStack(&b)
	return b.Bytes()
}
