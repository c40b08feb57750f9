package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait of a story. What is waited for takes a second, or a few on a slow machine.
const patience = time.Minute

// process is a program that a story started and did not wait for.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when it is gone
	said  transcript
}

// start begins a program in the background, in the script's folder and with its environment, which testscript keeps to itself, so
// that each variable is asked for.
func (s *story) start(ts *testscript.TestScript, name string, args []string) *process {
	path, err := lookPath(ts, args[0])
	ts.Check(err)
	p := &process{cmd: exec.Command(path, args[1:]...), ended: make(chan struct{})}
	p.said.changed = make(chan struct{})
	p.cmd.Args[0], p.cmd.Dir = args[0], ts.MkAbs(".")
	for _, v := range s.variables {
		p.cmd.Env = append(p.cmd.Env, v+"="+ts.Getenv(v))
	}
	p.cmd.Stdout, p.cmd.Stderr = stream{&p.said, &p.said.out}, stream{&p.said, &p.said.err}
	p.stdin, err = p.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // its end is in ProcessState
		close(p.ended)
	}()
	s.processes[name] = p
	return p
}

// says waits until the program has said something that matches.
func (p *process) says(ts *testscript.TestScript, pattern *regexp.Regexp) []string {
	late := time.After(patience)
	for {
		said, changed := p.said.now()
		if m := pattern.FindStringSubmatch(said); m != nil {
			return m
		}
		select {
		case <-changed:
		case <-p.ended:
			if said, _ := p.said.now(); !pattern.MatchString(said) {
				ts.Fatalf("%v ended (%v) and did not say %q:\n%s", p.cmd.Args, p.cmd.ProcessState, pattern, said)
			}
		case <-late:
			ts.Fatalf("%v did not say %q in time:\n%s", p.cmd.Args, pattern, said)
		}
	}
}

// end waits until the program is gone, and returns its exit code.
func (p *process) end(ts *testscript.TestScript) int {
	select {
	case <-p.ended:
	case <-time.After(patience):
		said, _ := p.said.now()
		ts.Fatalf("%v did not end in time:\n%s", p.cmd.Args, said)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) kill() {
	p.stdin.Close()
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// transcript is what a program says while it runs.
type transcript struct {
	mu       sync.Mutex
	out, err bytes.Buffer
	changed  chan struct{} // closed at the next word
}

func (t *transcript) now() (string, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%s%s", &t.out, &t.err), t.changed
}

// stream is one of the two halves of a transcript.
type stream struct {
	t  *transcript
	to *bytes.Buffer
}

func (s stream) Write(b []byte) (int, error) {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	close(s.t.changed)
	s.t.changed = make(chan struct{})
	return s.to.Write(b)
}
