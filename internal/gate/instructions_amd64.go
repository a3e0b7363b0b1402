package gate

import (
	"runtime"
	"unsafe"
)

// Of Valgrind's valgrind.h and callgrind.h.
const (
	callgrind     = 'C'<<24 | 'T'<<16
	zeroCounts    = callgrind + 1
	dumpCounts    = callgrind + 3
	startCounting = callgrind + 4
)

// ask sends a request to Valgrind. Without it, it does nothing and answers 0.
//
//go:noescape
func ask(request *[6]uintptr) uintptr

// start begins to count instructions.
func start() { ask(&[6]uintptr{startCounting}) }

// zero begins anew.
func zero() { ask(&[6]uintptr{zeroCounts}) }

// dump writes down, under a name, how many instructions there were since zero.
func dump(name string) {
	text := append([]byte(name), 0)
	ask(&[6]uintptr{dumpCounts, uintptr(unsafe.Pointer(&text[0]))})
	runtime.KeepAlive(text)
}
