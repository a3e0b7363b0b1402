#include "textflag.h"

// The code with which a program that runs under Valgrind speaks to it: the
// four rotations leave the register as it was, and mean nothing to a processor.

// func ask(request *[6]uintptr) uintptr
TEXT ·ask(SB), NOSPLIT, $0-16
	MOVQ request+0(FP), AX
	XORL DX, DX
	ROLQ $3, DI
	ROLQ $13, DI
	ROLQ $61, DI
	ROLQ $51, DI
	XCHGQ BX, BX
	MOVQ DX, ret+8(FP)
	RET
