package api

import (
	"bytes"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"floe/internal/auth"
)

// Versions of the API that a client may ask for. What is served today is the
// same in all of them.
var versions = map[string][]string{
	"2026-04": {"2026-04"},
	"2026-10": {"2026-10"},
	"2027-01": {"2027-01"},
}

// DefaultVersion is used when a client names none.
const DefaultVersion = "2026-04"

// version resolves Polar-Version and echoes it; an unknown one is refused.
func (h *Handler) version(c *call) bool {
	name := c.r.Header.Get("Polar-Version")
	if name == "" {
		name = DefaultVersion
	}
	v, ok := versions[name]
	if ok {
		c.w.Header()["Polar-Version"] = v
	}
	return ok
}

const (
	corsMethods = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
	corsHeaders = "Accept, Accept-Language, Authorization, Content-Language, Content-Type, Floe-Consistency, If-None-Match, Last-Event-ID, " +
		"Polar-Organization, Polar-Version"
	corsExposed = "ETag, Floe-Consistency, Polar-Version, Retry-After, X-Request-Id"
)

// cors adds the headers that let any page call the API with a token of its
// own (never with cookies) and answers pre-flight requests.
func (h *Handler) cors(c *call) (answered bool) {
	if c.r.Header.Get("Origin") == "" {
		return false
	}
	header := c.w.Header()
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("Access-Control-Expose-Headers", corsExposed)
	method := c.r.Header.Get("Access-Control-Request-Method")
	if c.r.Method != http.MethodOptions || method == "" {
		return false
	}
	header.Set("Access-Control-Allow-Methods", corsMethods)
	header.Set("Access-Control-Max-Age", "600")
	header.Set("Access-Control-Allow-Headers", corsHeaders)
	var refused []string
	if !slices.Contains(strings.Split(corsMethods, ", "), method) {
		refused = append(refused, "method")
	}
	allowed := strings.Split(strings.ToLower(corsHeaders), ", ")
	for _, name := range strings.Split(c.r.Header.Get("Access-Control-Request-Headers"), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && !slices.Contains(allowed, name) {
			refused = append(refused, "headers")
			break
		}
	}
	if len(refused) > 0 {
		c.write(http.StatusBadRequest, "text/plain; charset=utf-8", []byte("Disallowed CORS "+strings.Join(refused, ", ")))
		return true
	}
	c.write(http.StatusOK, "text/plain; charset=utf-8", []byte("OK"))
	return true
}

func sortedScopes(s []auth.Scope) []auth.Scope {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func writeStack(b *bytes.Buffer) { b.Write(debug.Stack()) }
