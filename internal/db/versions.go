package db

import (
	"sync/atomic"

	"floe/internal/db/lite"
	"floe/internal/id"
)

// Versions tell whether something that was read may have changed since, so
// that an answer can be used again and never be stale. It is there on SQLite
// only, where every write goes through one connection of one process: what
// other nodes of PostgreSQL commit, this one does not hear of.
//
// A transaction that changes what belongs to an id says so (Tx.Touch). Before
// its commit, the versions of those ids go up, which ends the use of what was
// read until then; and what is read while a commit is on its way is not kept,
// because nobody can tell whether it is of before or after. So there is no
// moment at which one caller sees the new and a later one still the old.
//
// A transaction that says nothing counts as one that may have changed
// everything. So does a commit of another process, such as a command that works
// on the same file: SQLite's index of its log, which the processes share, counts
// the commits, and one that is not ours shows there.
type Versions struct {
	commits atomic.Uint64 // odd while one is on its way
	all     atomic.Uint64 // how often everything may have changed
	ids     [1 << 13]atomic.Uint64

	index *lite.WALIndex
	ours  atomic.Uint32 // the count of the index after our last commit
}

// Versions is nil where nobody can know what has changed.
func (d *DB) Versions() *Versions {
	return d.versions
}

// Moment is when something was read.
type Moment struct {
	commits, all uint64
	count        uint32
}

// Moment is the present.
func (v *Versions) Moment() Moment {
	return Moment{v.commits.Load(), v.all.Load(), v.index.Commits()}
}

// Stamp is the version of what was read since a moment about some ids. It is
// false when something was committed meanwhile, of whatever it was.
func (v *Versions) Stamp(since Moment, ids ...id.ID) (s Stamp, ok bool) {
	s.all = since.all
	for i, of := range ids {
		s.slots[i] = slot(of)
		s.versions[i] = v.ids[s.slots[i]].Load()
	}
	s.n = len(ids)
	return s, since.commits%2 == 0 && v.Moment() == since && since.count == v.ours.Load()
}

// MaxStamp is how many ids a stamp can be about.
const MaxStamp = 2

// Stamp says which version of some ids was read.
type Stamp struct {
	all      uint64
	versions [MaxStamp]uint64
	slots    [MaxStamp]uint16
	n        int
}

// Holds says whether nothing has been committed that changes what was read.
func (v *Versions) Holds(s *Stamp) bool {
	if count := v.index.Commits(); count != v.ours.Load() {
		v.foreign(count)
		return false
	}
	for i := range s.n {
		if v.ids[s.slots[i]].Load() != s.versions[i] {
			return false
		}
	}
	return s.all == v.all.Load()
}

// foreign notes that somebody else has committed, unless it was us just now.
func (v *Versions) foreign(count uint32) {
	if at := v.commits.Load(); at%2 == 1 {
		return
	}
	v.all.Add(1)
	v.ours.Store(count)
}

// slot shares one version between several ids: a change of one then ends the
// use of the others, which costs a read and is never wrong.
func slot(of id.ID) uint16 {
	h := uint32(2166136261) // FNV-1a
	for i := range len(of) {
		h = (h ^ uint32(of[i])) * 16777619
	}
	return uint16((h ^ h>>16) % (1 << 13)) //nolint:gosec // below 8192
}

// begin is called before a commit, which touches some slots, or everything.
func (v *Versions) begin(b *batch) (count uint32) {
	if v == nil {
		return 0
	}
	v.commits.Add(1)
	if b.touchedAll {
		v.all.Add(1)
	}
	for _, s := range b.touched {
		v.ids[s].Add(1)
	}
	return v.index.Commits() // nobody else can commit until we have
}

// end is called after the commit, or its failure. The index must count our
// commit and no other; it counts none when no page has changed.
func (v *Versions) end(before uint32, changed bool) {
	if v == nil {
		return
	}
	now := v.index.Commits()
	expected := before
	if changed {
		expected++
	}
	if before != v.ours.Load() || now != expected {
		v.all.Add(1)
	}
	v.ours.Store(now)
	v.commits.Add(1)
}

// Touch says that the transaction changes what belongs to some ids: those of
// customers and, for what is no customer's, of organizations.
func (tx *Tx) Touch(ids ...id.ID) {
	for _, of := range ids {
		tx.touched = append(tx.touched, slot(of))
	}
	tx.told = true
}

// TouchNothing says that the transaction changes nothing that answers are made
// of, such as when a job is due.
func (tx *Tx) TouchNothing() { tx.told = true }
