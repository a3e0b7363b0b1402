package db

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A server that is gone without a word is given up, on every connection to it
// and to a replica: the system is told to, since no program can see it.
func TestSilenceIsBounded(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for query, want := range map[string]time.Duration{"": 10 * time.Second, "?connect_timeout=3": 3 * time.Second} {
		config, err := postgresConfig("postgres://"+l.Addr().String()+"/floe"+query, connectTime)
		if err != nil {
			t.Fatal(err)
		}
		if got := config.ConnConfig.ConnectTimeout; got != want {
			t.Errorf("%q: connecting may take %v, want %v", query, got, want)
		}
		c, err := config.ConnConfig.DialFunc(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Control(func(fd uintptr) {
			for option, want := range map[int]int{unix.TCP_USER_TIMEOUT: 20_000, unix.TCP_KEEPIDLE: 10, unix.TCP_KEEPINTVL: 5} {
				if got, err := unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option); err != nil || got != want {
					t.Errorf("%q: option %d is %d, %v; want %d", query, option, got, err, want)
				}
			}
		})
		if err != nil {
			t.Error(err)
		}
		_ = c.Close()
	}
}
