package db

import (
	"sync/atomic"
	"time"
)

// Stats counts what the database has done since it was opened.
type Stats struct {
	// Queries is the number of statements run by One, All, Each and Exec.
	Queries int64
	// Writes is the number of functions given to Write that were committed.
	Writes int64
	// Batches is the number of commits; BatchSize/Batches is how many writes
	// shared one on average.
	Batches   int64
	BatchSize int64
	// Reads is the number of reads outside of transactions that change rows: a
	// statement, or several on one snapshot.
	Reads int64
	// Retries is the number of times a function was run again.
	Retries int64
	// WriteWait is the time writes have waited for their turn, all together.
	WriteWait time.Duration
}

type counters struct {
	queries, writes, batches, batchSize, retries, writeWait, reads atomic.Int64
}

// Stats returns the counters as they stand.
func (d *DB) Stats() Stats {
	return Stats{
		Queries:   d.stats.queries.Load(),
		Writes:    d.stats.writes.Load(),
		Reads:     d.stats.reads.Load(),
		Batches:   d.stats.batches.Load(),
		BatchSize: d.stats.batchSize.Load(),
		Retries:   d.stats.retries.Load(),
		WriteWait: time.Duration(d.stats.writeWait.Load()),
	}
}

func (c *counters) committed(writes int) {
	c.batches.Add(1)
	c.batchSize.Add(int64(writes))
	c.writes.Add(int64(writes))
}
