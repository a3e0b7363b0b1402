package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever a receiver asks for, it is some time between now and a day.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"120", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "9223372036854775807", "1.5", "", "tomorrow", "99999999999999999999"} {
		f.Add(s)
	}
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	f.Fuzz(func(t *testing.T, header string) {
		if d := retryAfter(header, now); d < 0 || d > maxRetryIn {
			t.Errorf("%q is %s", header, d)
		}
	})
}

// An address that is accepted is one of the public internet as far as can be
// told without asking, stays what it is when read again, and can be called.
func FuzzAddress(f *testing.F) {
	for _, s := range []string{
		"https://example.com/x", "https://127.0.0.1", "https://0x7f.1", "https://[::1]/", "https://[::ffff:10.0.0.1]", "https://2130706433", "https://localhost.",
		"https://a.LOCALHOST", "https://user:pw@example.com:8443/p?q#f", "http://example.com", "https://例え.jp", "https://１２７.0.0.1", "https://[fe80::1%25eth0]/", "https://0/",
	} {
		f.Add(s)
	}
	s := &Service{}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAddress(text, false)
		if err != nil {
			return
		}
		host := hostOf(a.URL)
		if !strings.HasPrefix(a.URL, "https://") || host == "" {
			t.Errorf("%q is %q", text, a.URL)
		}
		if ip, err := netip.ParseAddr(host); err == nil && guard("tcp", net.JoinHostPort(ip.String(), "443"), nil) != nil {
			t.Errorf("%q is accepted, and %s is not to be called", text, ip)
		}
		again, err := ParseAddress(a.URL, false)
		if err != nil || again.URL != a.URL || !s.callable(a.URL) {
			t.Errorf("%q is %q, then %q: %v", text, a.URL, again.URL, err)
		}
	})
}

// No form of a private address gets past the guard.
func FuzzGuard(f *testing.F) {
	f.Add([]byte{10, 0, 0, 1})
	f.Add([]byte(net.ParseIP("::ffff:169.254.169.254")))
	f.Add([]byte(net.ParseIP("fd00::1")))
	f.Fuzz(func(t *testing.T, b []byte) {
		ip, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		four := ip.Unmap()
		bad := ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || ip.IsUnspecified() ||
			four.IsPrivate() || four.IsLoopback() || four.IsLinkLocalUnicast() || four.IsMulticast() || four.IsUnspecified()
		if bad && guard("tcp", net.JoinHostPort(ip.String(), "443"), nil) == nil {
			t.Errorf("%s can be called", ip)
		}
	})
}

// Every secret makes a signature with its own bytes, and one with what it
// decodes to where it is one of ours.
func FuzzSign(f *testing.F) {
	f.Add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "id", []byte("{}"))
	f.Add("whsec_", "", []byte(nil))
	f.Add("plain secret of thirty-two letters", "a.b", []byte("\x00"))
	at := time.Unix(1777863721, 0)
	f.Fuzz(func(t *testing.T, secret, id string, body []byte) {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(id + ".1777863721." + string(body)))
		list := strings.Split(Sign(id, at, body, secret), " ")
		if !slices.Contains(list, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil))) || len(list) > 2 {
			t.Errorf("%q signs %q", secret, list)
		}
		if len(list) == 2 && !strings.HasPrefix(secret, secretPrefix) {
			t.Errorf("%q is decoded", secret)
		}
	})
}
