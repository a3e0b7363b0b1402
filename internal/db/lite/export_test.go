package lite

import "modernc.org/libc"

// Slots are how many there are, and how many of them nobody uses.
func Slots() (made, free int) {
	slots.Lock()
	defer slots.Unlock()
	for p := slots.free; p != 0; p = *(*uintptr)(pointer(p)) {
		free++
	}
	return slots.made, free
}

// NoMoreSlots lets none be made until it is undone.
func NoMoreSlots() (undo func()) {
	slots.Lock()
	defer slots.Unlock()
	slots.most = slots.made
	return func() {
		slots.Lock()
		slots.most = maxSlots
		slots.Unlock()
	}
}

// Memory is what SQLite is given.
type Memory struct {
	tls *libc.TLS
	p   uintptr
}

// Allocate gives some.
func Allocate(n int) *Memory {
	tls := libc.NewTLS()
	return &Memory{tls, malloc(tls, int32(n))}
}

// Resize makes it larger or smaller.
func (m *Memory) Resize(n int) { m.p = realloc(m.tls, m.p, int32(n)) }

// Size is how large it is said to be.
func (m *Memory) Size() int { return int(size(m.tls, m.p)) }

// Bytes are all of it.
func (m *Memory) Bytes() []byte {
	v := Value{at: m.p, n: m.Size()}
	return v.Bytes()
}

// Free gives it back.
func (m *Memory) Free() {
	free(m.tls, m.p)
	m.tls.Close()
}
