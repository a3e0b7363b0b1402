package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"unicode"

	"golang.org/x/net/idna"

	"floe/internal/schema"
	"floe/internal/weburl"
)

// Address is a URL that a caller wants to have events sent to.
type Address struct {
	URL  string // in its normal form
	sent *schema.Node
}

const (
	badHost   = "Invalid webhook URL: the hostname contains characters not allowed in domain names."
	badEscape = "Invalid webhook URL: % must be followed by two hexadecimal digits."
)

// DecodeNode checks what needs no knowledge of the server's configuration.
func (a *Address) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.String {
		at.Report("url_type", "URL input should be a string or URL", n)
		return
	}
	normal, problem := weburl.Parse(strings.TrimSpace(n.Text))
	switch {
	case schema.HasNUL(n.Text):
		at.ValueError(schema.InvalidCharacters, n)
	case problem.Type == "url_scheme":
		at.Report(problem.Type, notHTTPS, n, schema.KV{Key: "expected_schemes", Value: "'https'"})
	case problem.Type != "":
		ctx := make([]schema.KV, len(problem.Ctx))
		for i, p := range problem.Ctx {
			ctx[i] = schema.KV{Key: p.Key, Value: p.Value}
		}
		at.Report(problem.Type, problem.Msg, n, ctx...)
	case hasBadEscape(normal):
		at.ValueError(badEscape, n)
	case !isHostName(hostOf(normal)):
		at.ValueError(badHost, n)
	}
	a.URL, a.sent = normal, n
}

// ParseAddress reads an address from elsewhere than a request's body.
func ParseAddress(text string, allowPrivate bool) (Address, error) {
	var a Address
	problems := &schema.Problems{}
	a.DecodeNode(schema.StringNode(text), schema.Root(problems, "body").Key("url"))
	if err := problems.Err(); err != nil {
		return a, err
	}
	return a, a.check(allowPrivate)
}

// SchemaName says that the schema is written in place.
func (Address) SchemaName() string { return "" }

// DescribeSchema describes a URL.
func (Address) DescribeSchema(b *schema.Builder) *schema.Schema {
	return schema.URL("").DescribeSchema(b)
}

const (
	notHTTPS  = "URL scheme should be 'https'"
	notPublic = "Webhook URLs cannot point to localhost or private IP addresses."
)

// check holds an address against what this server may call.
func (s *Service) check(a Address) error { return a.check(s.AllowPrivate) }

func (a Address) check(allowPrivate bool) error {
	if allowPrivate {
		return nil
	}
	p := schema.Problem{Loc: []any{"body", "url"}, Input: a.sent}
	switch {
	case !strings.HasPrefix(a.URL, "https://"):
		p.Type, p.Msg, p.Ctx = "url_scheme", notHTTPS, []schema.KV{{Key: "expected_schemes", Value: "'https'"}}
	case isPrivateHost(hostOf(a.URL)):
		p.Type, p.Msg, p.Ctx = "value_error", "Value error, "+notPublic, []schema.KV{{Key: "error"}}
	default:
		return nil
	}
	return &schema.Problems{List: []schema.Problem{p}}
}

// callable says whether an address that is stored would be accepted today.
func (s *Service) callable(stored string) bool {
	normal, problem := weburl.Parse(stored)
	return problem.Type == "" && isHostName(hostOf(normal)) && s.check(Address{URL: normal}) == nil
}

// hasBadEscape says whether there is a % that stands for nothing. Browsers let
// it pass, what sends webhooks does not.
func hasBadEscape(normal string) bool {
	_, err := url.Parse(normal)
	_, bad := errors.AsType[url.EscapeError](err)
	return bad
}

func hostOf(normal string) string {
	u, err := url.Parse(normal)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// isHostName says whether the labels of a name have only letters, digits and
// what stands between them. Names arrive in ASCII; the rest is decoded.
func isHostName(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	name, err := idna.Punycode.ToUnicode(host)
	if err != nil || name == "" {
		return false
	}
	for _, r := range name {
		if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) && !strings.ContainsRune("-_.·\u200c\u200d", r) {
			return false
		}
	}
	return true
}

// isPrivateHost says whether a host can be told to be no public one without
// asking anybody.
func isPrivateHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return !isPublic(ip)
	}
	host = strings.TrimSuffix(host, ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "internal" || strings.HasSuffix(host, ".internal")
}

// reserved are the blocks among the addresses for everybody that are not. The
// IPv6 ones lie within 2000::/3: all outside of that is refused as a whole, and
// with it loopback, link-local, multicast, and IPv4 addresses in disguise.
var reserved = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

var unicast = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) (out []netip.Prefix) {
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}

// isPublic says whether an address is one of the public internet.
func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() && !unicast.Contains(ip) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return ip.IsValid()
}

var errPrivate = errors.New("the host resolves to an address that is not on the public internet; connecting to it is not allowed")

// guard is called with the address of every connection that is about to be
// made, after the name was resolved: what a name means may change between a
// check and its use.
func guard(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !isPublic(ip) {
		return errPrivate
	}
	return nil
}
