package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/certs/truststore"
)

// What comes from files and folders cannot give orders to the terminal.
func TestStatusWithoutOrdersToTheTerminal(t *testing.T) {
	const order = "\x1b]0;mine\a\u009b2J\r"
	var out bytes.Buffer
	s := &trustStatus{Root: "/root" + order, Stores: []storeState{{Store: "Firefox", Where: "/where" + order, State: truststore.Absent,
		Error: "error" + order, Hint: "hint" + order}}}
	s.print(&out, func(s string) string { return s })
	u := &ui{mode: "plain", err: &out, app: &app{now: time.Now}}
	u.begin("Firefox", "").done("%s", "/row"+order)
	if strings.ContainsAny(strings.NewReplacer("\x1b[32m", "", "\x1b[m", "").Replace(out.String()), "\x1b\a\r\u009b") {
		t.Errorf("%q", out.String())
	}
	for _, part := range []string{"/root", "/where", "error", "hint", "/row"} {
		if !strings.Contains(out.String(), part+`\x1b]0;mine\a\u009b2J\r`) {
			t.Errorf("%q is missing in %q", part, out.String())
		}
	}
}
