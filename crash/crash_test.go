package crash_test

import (
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/crash"
)

func TestRecover(t *testing.T) {
	var value any
	var stack string
	crash.Handle(func(v any, s []byte) { value, stack = v, string(s) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer crash.Recover()
		panicked()
	}()
	<-ended
	if value != "a bug" || !strings.Contains(stack, "panicked") {
		t.Errorf("the handler got %v and the stack\n%s\nwant the value, and the function that panicked", value, stack)
	}
	func() {
		defer crash.Recover()
		value = nil
	}()
	if value != nil {
		t.Errorf("the handler got %v of a function that did not panic", value)
	}
}

func panicked() { panic("a bug") }
