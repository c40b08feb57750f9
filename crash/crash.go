// Package crash lets a bug end the program as any other error does: with words for a person, not with the stacks of all goroutines.
//
// A panic that its own goroutine does not recover ends a Go program at once, whichever package it happens in. So every goroutine that
// we start begins with
//
//	defer crash.Recover()
//
// What the runtime ends the program for in other goroutines, and for other reasons, is left to debug.SetCrashOutput.
package crash

import (
	"runtime/debug"
	"sync/atomic"
)

// handler is the process's, as the runtime's own crash output is: a panic in any package is the end of all of it.
var handler atomic.Pointer[func(value any, stack []byte)]

// Handle says what becomes of the panics that Recover meets: f gets the value and the stack of the goroutine. It should end the
// process: what the goroutine was to do stays undone.
func Handle(f func(value any, stack []byte)) { handler.Store(&f) }

// Recover, deferred, hands a panic to the function given to Handle. Without one the panic goes on.
func Recover() {
	handle := handler.Load()
	if handle == nil {
		return
	}
	if value := recover(); value != nil {
		(*handle)(value, debug.Stack())
	}
}
