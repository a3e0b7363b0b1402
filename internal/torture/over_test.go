package torture

import (
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// What a killed server had asked of PostgreSQL goes on until its session ends.
func TestOverWaitsForSessions(t *testing.T) {
	t.Parallel()
	r := &run{config: Config{Engine: "postgres", URL: dbtest.URL(t)}}
	d, err := db.Open(t.Context(), r.database(false))
	if err != nil {
		t.Fatal(err)
	}
	const lasts = 300 * time.Millisecond
	closed := make(chan error, 1)
	begun := time.Now()
	go func() {
		_, err := db.One[string](t.Context(), d, `SELECT CAST(pg_sleep(0.3) AS text)`)
		_ = d.Close()
		closed <- err
	}()
	time.Sleep(lasts / 6) // until it has a connection, which is then the older one
	r.over(t.Context())
	if waited := time.Since(begun); waited < lasts || waited > ending {
		t.Errorf("it waited for %v", waited)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
