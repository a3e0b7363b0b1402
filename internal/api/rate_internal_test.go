package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

// TestBucketsKeepTheirRate: a burst at once, then one call a gap; a long rest
// gives back a burst and no more.
func TestBucketsKeepTheirRate(t *testing.T) {
	t.Parallel()
	b := newBuckets[string](Rate{PerSecond: 10, Burst: 5})
	now := time.Unix(1000, 0)
	passed := func(n int) (count int) {
		for range n {
			if b.take("a", now) == 0 {
				count++
			}
		}
		return count
	}
	if n := passed(20); n != 5 {
		t.Errorf("%d at once, want 5", n)
	}
	if wait := b.take("a", now); wait != 100*time.Millisecond {
		t.Errorf("wait %v", wait)
	}
	if wait := b.take("b", now); wait != 0 {
		t.Errorf("another caller waits %v", wait)
	}
	now = now.Add(99 * time.Millisecond)
	if n := passed(3); n != 0 {
		t.Errorf("%d too early", n)
	}
	now = now.Add(time.Millisecond)
	if n := passed(3); n != 1 {
		t.Errorf("%d after one gap", n)
	}
	now = now.Add(time.Hour)
	if n := passed(20); n != 5 {
		t.Errorf("%d after an hour, want 5", n)
	}
}

// TestBucketsAreBounded: a million callers leave no more behind than there is
// room for, and those who come and go nearly nothing.
func TestBucketsAreBounded(t *testing.T) {
	t.Parallel()
	size := func(b *buckets[int]) (n int) {
		for i := range b.shards {
			n += len(b.shards[i].full)
		}
		return n
	}
	slow := newBuckets[int](Rate{PerSecond: 0.001, Burst: 1})
	fast := newBuckets[int](Rate{PerSecond: 1000, Burst: 1})
	now := time.Unix(1000, 0)
	for i := range 1_000_000 {
		now = now.Add(time.Millisecond)
		slow.take(i, now)
		fast.take(i, now)
	}
	if n := size(&slow); n > bucketShards*maxKeys || n < bucketShards*maxKeys/2 {
		t.Errorf("%d callers are kept, want up to %d", n, bucketShards*maxKeys)
	}
	if n := size(&fast); n > bucketShards*minSweep {
		t.Errorf("%d callers are kept that need not be", n)
	}
}

func TestRatesOfAnySize(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for _, r := range []Rate{{1e-12, 1}, {1e-12, 1e9}, {1e9, 1e9}, {1e9, 1}, {1, 0}} {
		b := newBuckets[string](r)
		if b.slack < 0 || b.take("a", now) != 0 {
			t.Errorf("%v refuses the first call", r)
		}
	}
	off := newBuckets[string](Rate{Burst: 3})
	if !off.off() || off.take("a", now) != 0 {
		t.Error("a rate of nothing is no limit")
	}
}

// TestLicenseKeyLimitIsBounded: addresses without number do not fill memory.
func TestLicenseKeyLimitIsBounded(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	l := newLimiter(Limit{Calls: 1, Per: time.Hour, Block: time.Hour}, func() time.Time { return now })
	for i := range 3 * maxAddresses {
		if err := l.check(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(l.addrs); n > maxAddresses {
		t.Errorf("%d addresses are kept", n)
	}
}

// TestLicenseKeyLimitPasses: who makes no more calls than are allowed makes them
// again and again, and who made more does so when the block is over.
func TestLicenseKeyLimitPasses(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	l := newLimiter(Limit{Calls: 3, Per: time.Minute, Block: 2 * time.Minute}, func() time.Time { return now })
	call := func(from byte) error { return l.check(netip.AddrFrom4([4]byte{192, 0, 2, from})) }
	for minute := range 5 {
		for i := range 3 {
			if err := call(1); err != nil {
				t.Errorf("call %d of minute %d: %v", i, minute, err)
			}
		}
		now = now.Add(time.Minute)
	}
	for i := range 5 {
		if err := call(2); (err != nil) != (i >= 3) {
			t.Errorf("call %d: %v", i, err)
		}
	}
	now = now.Add(2*time.Minute - 1)
	if call(2) == nil {
		t.Error("the block has ended too early")
	}
	now = now.Add(1)
	if err := call(2); err != nil {
		t.Errorf("after the block: %v", err)
	}
}

// TestAddresses: who is behind a proxy is told by a trusted one, and by nobody
// else.
func TestAddresses(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:1000", nil, "192.0.2.1"},
		{"192.0.2.1:1000", []string{"198.51.100.7"}, "192.0.2.1"}, // not a proxy: it lies
		{"127.0.0.1:1000", nil, "127.0.0.1"},
		{"127.0.0.1:1000", []string{"198.51.100.7"}, "198.51.100.7"},
		{"127.0.0.1:1000", []string{"1.1.1.1, 198.51.100.7"}, "198.51.100.7"}, // the first is a lie of the client
		{"127.0.0.1:1000", []string{"1.1.1.1", "198.51.100.7, 10.1.1.1"}, "198.51.100.7"},
		{"127.0.0.1:1000", []string{"198.51.100.7", "10.1.1.1"}, "198.51.100.7"},
		{"127.0.0.1:1000", []string{"10.1.1.1,10.1.1.2"}, "10.1.1.1"}, // a client inside
		{"127.0.0.1:1000", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{"127.0.0.1:1000", []string{"[2001:db8:1:2:3::4]:4711"}, "2001:db8:1:2::"},
		{"127.0.0.1:1000", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::"},
		{"[::1]:1000", []string{"198.51.100.7"}, "::"}, // ::1 is not in the list
		{"[fd00::1]:1000", []string{"198.51.100.7"}, "198.51.100.7"},
		{"[::ffff:127.0.0.1]:1000", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"127.0.0.1:1000", []string{"unknown"}, "127.0.0.1"},
		{"127.0.0.1:1000", []string{"198.51.100.7, unknown"}, "127.0.0.1"},
		{"127.0.0.1:1000", []string{","}, "127.0.0.1"},
		{"127.0.0.1:1000", []string{"198.51.100.7,"}, "127.0.0.1"},    // nobody knows who was in between,
		{"127.0.0.1:1000", []string{"198.51.100.7", ""}, "127.0.0.1"}, // in one header or in two
		{"127.0.0.1:1000", []string{"198.51.100.7", "", "10.1.1.1"}, "10.1.1.1"},
		{"127.0.0.1:1000", []string{""}, "127.0.0.1"},
		{"@", []string{"198.51.100.7"}, ""},
	} {
		r := &rates{trusted: proxies}
		q := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		addr, ok := r.address(q)
		if got := addr.String(); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("%s %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

// BenchmarkBuckets is what a limit adds to a request.
func BenchmarkBuckets(b *testing.B) {
	for _, callers := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			limit := newBuckets[string](Rate{PerSecond: 1e6, Burst: 1e6})
			keys := make([]string, callers)
			for i := range keys {
				keys[i] = fmt.Sprintf("00000000-0000-4000-8000-%012d", i)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				limit.take(keys[i%callers], time.Now())
				i++
			}
		})
	}
}
