package webhook_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"floe/internal/floetest"
)

// BenchmarkEmit is one change to a customer, of which one endpoint is told, or a
// hundred. How much this process writes does not depend on what else runs: on
// SQLite it is the file and its log, on PostgreSQL what is sent to the server.
func BenchmarkEmit(b *testing.B) {
	for name, f := range map[string]*floetest.Floe{"sqlite": floetest.New(b, private), "postgres": floetest.Postgres(b, private)} {
		customers := make([]string, 200)
		for i := range customers {
			customers[i] = f.Customer(nil).ID()
		}
		have := 0
		for _, want := range []int{1, 100} {
			for ; have < want; have++ {
				endpoint(b, f, "http://127.0.0.1:1/", "customer.updated", "customer.state_changed")
			}
			b.Run(fmt.Sprint(name, "/", want), func(b *testing.B) {
				was := written(b)
				for i := range b.N {
					f.Do("PATCH", "/v1/customers/"+customers[i%len(customers)], f.AllToken, map[string]any{"name": fmt.Sprint(i)})
				}
				b.ReportMetric(float64(written(b)-was)/1024/float64(b.N), "KB-written/op")
			})
		}
	}
}

// written is how many bytes this process has written, where Linux counts them.
func written(b *testing.B) (n int64) {
	b.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "wchar: ")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		b.Error(err)
	}
	return n
}
