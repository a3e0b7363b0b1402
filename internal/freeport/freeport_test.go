package freeport

import (
	"net"
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	first, beyond := ports()
	for range 200 {
		address, err := Address(t.Context())
		if err != nil || seen[address] {
			t.Fatalf("%s, %v", address, err)
		}
		seen[address] = true
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil || a.Port < first || a.Port >= beyond {
			t.Errorf("%v, %v", a, err)
		}
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if port := l.Addr().(*net.TCPAddr).Port; beyond-first < 40_000 && port >= first && port < beyond {
		t.Errorf("the system has chosen %d, which is between %d and %d", port, first, beyond)
	}
}
