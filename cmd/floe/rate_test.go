package main

import (
	"net"
	"testing"

	"floe/internal/api"
)

func TestRatesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"off": "off", "auto": "auto", "100": "100:100", "0.5": "0.5:1", "100:500": "100:500", "1e3:1": "1000:1",
	} {
		var r rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r.String() != want {
			t.Errorf("%s: %v, %v, want %s", text, r, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "x", "NaN", "Inf", "100:", "100:0", ":5", "1:-1", "100:5:5", "1e10"} {
		var r rate
		if err := r.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %v", text, r)
		}
	}
}

// TestRatesByDefault: this machine's own programs are not held up, strangers
// are, and what the operator says counts anywhere.
func TestRatesByDefault(t *testing.T) {
	t.Parallel()
	automatic, fixed := rate{auto: true}, rate{Rate: api.Rate{PerSecond: 7, Burst: 7}}
	for at, want := range map[string]api.Rates{
		"127.0.0.1": {}, "127.9.9.9": {}, "::1": {},
		"0.0.0.0": {Token: tokenRate, Address: addressRate}, "::": {Token: tokenRate, Address: addressRate},
		"192.0.2.1": {Token: tokenRate, Address: addressRate},
	} {
		c := serveOptions{RateLimit: automatic, AddressRateLimit: automatic}
		if got := c.rates(&net.TCPAddr{IP: net.ParseIP(at)}); got != want {
			t.Errorf("%s: %v, want %v", at, got, want)
		}
		c.RateLimit, c.AddressRateLimit = fixed, rate{}
		if got := c.rates(&net.TCPAddr{IP: net.ParseIP(at)}); got != (api.Rates{Token: fixed.Rate}) {
			t.Errorf("%s: %v", at, got)
		}
	}
}
