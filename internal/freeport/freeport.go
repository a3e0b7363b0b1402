// Package freeport finds ports for servers of our own that stop and start
// again, as those of tests and of floe torture do.
package freeport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
)

// lowest is the first port that is given out.
const lowest = 10_000

// enough ports to choose from.
const enough = 2_000

var given sync.Map

// Address is 127.0.0.1 with a port that nothing listens on and that stays free:
// it is none of those from which the system chooses for outgoing connections,
// which would take it while its server is away, and this process gives it once.
// Where the system chooses from nearly all, that cannot be had.
func Address(ctx context.Context) (string, error) {
	first, beyond := ports()
	var err error
	for range 100 {
		port := first + rand.IntN(beyond-first) //nolint:gosec // spreads, guards nothing
		address := fmt.Sprintf("127.0.0.1:%d", port)
		var l net.Listener
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", address); err != nil {
			continue
		}
		if err = l.Close(); err != nil {
			return "", err
		}
		if _, again := given.LoadOrStore(port, true); !again {
			return address, nil
		}
		err = errors.New("all were given already")
	}
	return "", fmt.Errorf("find a free port: %w", err)
}

// ports is the range to choose from: below, or else above, the ports that the
// system itself chooses, which Linux says and elsewhere the registry of ports
// has (RFC 6335, section 6).
func ports() (first, beyond int) {
	low, high := 49_152, 65_535
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		_, _ = fmt.Sscan(string(text), &low, &high)
	}
	switch {
	case low >= lowest+enough:
		return lowest, low
	case high <= 65_535-enough:
		return high + 1, 65_536
	}
	return lowest, 65_536
}
