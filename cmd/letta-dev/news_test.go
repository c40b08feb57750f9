package main

import (
	"os"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// How long a start took is known to the next process too; that of a container which already ran is not, and junk is none.
func TestLastStartIsKept(t *testing.T) {
	files := paths{State: t.TempDir()}
	open := func() *starts {
		s := &starts{files: files, now: noon}
		if err := s.load(); err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	if took, err := s.ready("1", noon()); took != 0 || err != nil || s.took() != 0 {
		t.Errorf("of a container that already ran: %v, %v", took, err)
	}
	s.began(orchestrator.Happening{Action: "create", Container: "1"})
	s.began(orchestrator.Happening{Action: "start", Container: "2"})
	s.began(orchestrator.Happening{Action: "start", Container: "1"})
	for range 2 { // a server that was paused is ready again, and did not start
		if took, err := s.ready("1", noon().Add(14*time.Second)); err != nil || s.took() != 14*time.Second {
			t.Errorf("%v, %v", took, err)
		}
	}
	if got := open().took(); got != 14*time.Second {
		t.Errorf("the next process knows %v", got)
	}
	for _, junk := range []string{"", "x", `{"seconds":-1}`, `{"seconds":1e300}`, "[]"} {
		if err := os.WriteFile(files.lastStart(), []byte(junk), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := open().took(); got != 0 {
			t.Errorf("%q is %v", junk, got)
		}
	}
}

// A restart is told at once; one after another, ever more slowly.
func TestNewsOfAServerThatComesAndGoes(t *testing.T) {
	lines, minute := 0, time.Duration(0)
	for ; minute < time.Minute; lines++ {
		minute += pauseAfter(lines)
	}
	if lines > 15 || pauseAfter(3) > 0 || pauseAfter(1000) > complaintEvery {
		t.Errorf("%d lines a minute", lines)
	}
}
