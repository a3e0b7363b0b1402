package api

import (
	"net/http"
	"net/netip"
	"strings"
)

// address is whom a request is from: the other end of the connection, or, when
// that is a proxy which is trusted, whom the proxy says it got it from. What
// others write into X-Forwarded-For counts for nothing, so the list is read
// from its end, where the nearest proxy has added to it.
func (r *rates) address(q *http.Request) (netip.Addr, bool) {
	addr, ok := peer(q.RemoteAddr)
	if !ok || len(r.trusted) == 0 || !r.trusts(addr) {
		return network(addr), ok
	}
	lists := q.Header["X-Forwarded-For"]
	for i := len(lists) - 1; i >= 0; i-- {
		for rest := lists[i]; ; {
			comma := strings.LastIndexByte(rest, ',')
			next, ok := forwarded(strings.TrimSpace(rest[comma+1:]))
			if !ok {
				return network(addr), true // as far as it can be followed
			}
			if addr = next; !r.trusts(addr) {
				return network(addr), true
			}
			if comma < 0 {
				break
			}
			rest = rest[:comma]
		}
	}
	return network(addr), true
}

func (r *rates) trusts(addr netip.Addr) bool {
	for _, p := range r.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// peer is the address of a connection's other end.
func peer(remote string) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(remote)
	return plainAddr(at.Addr()), err == nil
}

// forwarded reads one entry of X-Forwarded-For; some proxies add a port.
func forwarded(text string) (netip.Addr, bool) {
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return plainAddr(addr), true
	}
	return peer(text)
}

func plainAddr(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// prefix64 is what one customer of a provider has of IPv6: any of its
// addresses is as good as another.
const prefix64 = 64

func network(addr netip.Addr) netip.Addr {
	if addr.Is6() {
		if p, err := addr.Prefix(prefix64); err == nil {
			return p.Addr()
		}
	}
	return addr
}
