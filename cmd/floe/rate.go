package main

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"floe/internal/api"
)

// rate is a limit as people write it: off, auto, 100 or 100:500.
type rate struct {
	api.Rate
	auto bool
}

// What auto means where others than this machine can reach the server: enough
// for any program that is in order, and too little for one that is not to keep
// the others waiting.
var (
	tokenRate   = api.Rate{PerSecond: 1000, Burst: 5000}
	addressRate = api.Rate{PerSecond: 100, Burst: 500}
)

// UnmarshalText reads a rate.
func (r *rate) UnmarshalText(text []byte) error {
	switch s := string(text); s {
	case "auto":
		*r = rate{auto: true}
		return nil
	case "off":
		*r = rate{}
		return nil
	default:
		calls, burst, both := strings.Cut(s, ":")
		n, err := strconv.ParseFloat(calls, 64)
		most := max(1, int(min(n, 1e9))) // without a colon, a second's worth
		if both && err == nil {
			most, err = strconv.Atoi(burst)
		}
		if err != nil || !(n > 0 && n <= 1e9) || most < 1 || most > 1e9 {
			return fmt.Errorf("%q is not a rate; write it as 100 a second, 100:500 with that many at once, off or auto", s)
		}
		*r = rate{Rate: api.Rate{PerSecond: n, Burst: most}}
		return nil
	}
}

// String writes a rate as UnmarshalText reads it.
func (r rate) String() string {
	switch {
	case r.auto:
		return "auto"
	case r.PerSecond == 0:
		return "off"
	}
	return strconv.FormatFloat(r.PerSecond, 'f', -1, 64) + ":" + strconv.Itoa(r.Burst)
}

// or is the rate, or what auto stands for.
func (r rate) or(auto api.Rate, loopback bool) api.Rate {
	switch {
	case !r.auto:
		return r.Rate
	case loopback:
		return api.Rate{}
	}
	return auto
}

// rates are the limits of a server that listens on an address.
func (c *serveOptions) rates(at net.Addr) api.Rates {
	tcp, ok := at.(*net.TCPAddr)
	loopback := ok && tcp.IP.IsLoopback()
	return api.Rates{Token: c.RateLimit.or(tokenRate, loopback), Address: c.AddressRateLimit.or(addressRate, loopback)}
}

// nets are networks, or single addresses, with commas between them.
type nets []netip.Prefix

// UnmarshalText reads networks.
func (n *nets) UnmarshalText(text []byte) error {
	*n = nil
	for one := range strings.SplitSeq(string(text), ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		p, err := netip.ParsePrefix(one)
		if err != nil {
			addr, err := netip.ParseAddr(one)
			if err != nil {
				return fmt.Errorf("%q is neither an address like 10.0.0.1 nor a network like 10.0.0.0/8", one)
			}
			p = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		*n = append(*n, p.Masked())
	}
	return nil
}

// String writes networks as UnmarshalText reads them.
func (n nets) String() string {
	texts := make([]string, len(n))
	for i, p := range n {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}
