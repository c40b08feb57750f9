package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// box is a fake container. The lock of its Fake guards it.
type box struct {
	orchestrator.Container
	spec  orchestrator.Spec
	lines []orchestrator.LogLine

	address netip.Addr

	// While it runs:
	listeners map[int]net.Listener // by the port in the container
	terminate context.CancelFunc   // SIGTERM
	killed    chan struct{}        // SIGKILL

	stopping bool          // somebody stops it: its restart policy has no say
	givenUp  chan struct{} // closed when it is not to be started again
}

func (b *box) copy() orchestrator.Container {
	c := b.Container
	c.Labels, c.Env = maps.Clone(c.Labels), maps.Clone(c.Env)
	c.Published, c.Addresses, c.Networks = slices.Clone(c.Published), slices.Clone(c.Addresses), slices.Clone(c.Networks)
	return c
}

// in is the place in the container's list of a network of that name, or -1.
func (b *box) in(network string) int {
	return slices.IndexFunc(b.Networks, func(at orchestrator.Attached) bool { return at.Name == network })
}

func (b *box) mounts(volume string) bool {
	return slices.ContainsFunc(b.Mounts, func(m orchestrator.MountPoint) bool { return m.Kind == "volume" && m.Source == volume })
}

// start opens the published ports and runs the program. When a port is taken, a container that never ran is gone after that.
func (f *Fake) start(step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.own(step)
	switch {
	case err != nil:
		return err
	case b == nil:
		return fmt.Errorf("starting container %q: it is not there", step.Target)
	case b.Running:
		return nil
	}
	if i := slices.IndexFunc(b.Networks, f.gone); i >= 0 {
		return fmt.Errorf("starting container %q: network %s not found", step.Target, b.Networks[i].ID)
	}
	b.Restarts, b.stopping = 0, false
	err = f.launchAnew(b)
	if err != nil && b.StartedAt.IsZero() {
		delete(f.containers, step.Target)
		f.emit(b, "destroy")
	}
	return err
}

// launchAnew begins a run; the caller holds the lock.
func (f *Fake) launchAnew(b *box) error {
	if err := b.publish(); err != nil {
		return err
	}
	b.Running, b.Status, b.StartedAt, b.ExitCode = true, "running", time.Now(), 0
	b.show()
	f.emit(b, "start")
	f.launch(b)
	return nil
}

// publish listens where the container's ports are to be.
func (b *box) publish() error {
	b.listeners = map[int]net.Listener{}
	for _, p := range b.spec.Ports {
		address := net.JoinHostPort(p.HostIP, strconv.Itoa(p.HostPort))
		l, err := net.Listen("tcp", address)
		if err != nil {
			b.unpublish()
			if errors.Is(err, syscall.EADDRINUSE) {
				return &orchestrator.PortTakenError{Container: b.Name, Address: address, Err: err}
			}
			return fmt.Errorf("starting container %q: %w", b.Name, err)
		}
		b.listeners[p.Target] = l
	}
	return nil
}

// show fills in the addresses and ports of a container that runs. One that has left all its networks has none; its sockets stay.
func (b *box) show() {
	b.Published, b.Addresses = nil, nil
	if !b.Running || len(b.Networks) == 0 && len(b.spec.Networks) > 0 {
		return
	}
	b.Addresses = []netip.Addr{b.address}
	for _, p := range b.spec.Ports {
		at := b.listeners[p.Target].Addr().(*net.TCPAddr).AddrPort()
		b.Published = append(b.Published, orchestrator.Published{
			Port: p.Target, HostIP: at.Addr().Unmap(), HostPort: int(at.Port()), Protocol: p.Protocol,
		})
	}
}

func (b *box) unpublish() {
	for _, l := range b.listeners {
		_ = l.Close()
	}
	b.listeners, b.Published, b.Addresses = nil, nil, nil
}

// launch runs the program until it returns or the container is killed.
func (f *Fake) launch(b *box) {
	ctx, terminate := context.WithCancel(context.Background())
	killed := make(chan struct{})
	b.terminate, b.killed = terminate, killed
	out, errs := &logWriter{fake: f, box: b, killed: killed}, &logWriter{fake: f, box: b, killed: killed, stderr: true}
	listeners := b.listeners
	p := Process{
		Container: b.Name, Argv: slices.Concat(b.spec.Entrypoint, b.spec.Command), Env: maps.Clone(b.Env),
		Stdin: new(bytes.Reader), Stdout: out, Stderr: errs, Killed: killed,
		Listen: func(port int) (net.Listener, error) {
			if l := listeners[port]; l != nil {
				return l, nil
			}
			return net.Listen("tcp", "127.0.0.1:0") // not published: nobody will find it
		},
	}
	if h := b.spec.Healthcheck; h != nil && len(h.Test) > 1 && h.Test[0] == "CMD" {
		b.Health, b.LastCheck = "starting", orchestrator.Check{}
		f.running.Go(func() { f.check(ctx, b, killed) })
	}
	f.running.Go(func() {
		code := f.program()(ctx, p)
		out.flush()
		errs.flush()
		f.mu.Lock()
		defer f.mu.Unlock()
		if b.killed == killed { // it was not killed meanwhile
			f.end(b, code)
		}
	})
}

func (f *Fake) program() func(context.Context, Process) int {
	if f.Program != nil {
		return f.Program
	}
	return func(ctx context.Context, p Process) int {
		select {
		case <-ctx.Done():
		case <-p.Killed:
		}
		return 0
	}
}

// kill ends a container with its program in the middle.
func (f *Fake) kill(b *box, code int) {
	if b.Running && b.Status != "restarting" {
		f.end(b, code)
	}
}

// end is what an engine does when a container's process is gone.
func (f *Fake) end(b *box, code int) {
	b.unpublish()
	if b.killed != nil { // those that Add put there have no program
		close(b.killed)
		b.terminate()
	}
	b.killed = nil
	b.Running, b.Status, b.ExitCode, b.FinishedAt = false, "exited", code, time.Now()
	f.emit(b, "die")
	if !b.stopping && b.restartsAfter(code) {
		f.restart(b)
	}
}

// stop asks the program to end, and kills it after the grace: 10 s when the step gives none, as engines have it.
func (f *Fake) stop(ctx context.Context, step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.own(step)
	if b == nil || !b.Running {
		return err
	}
	f.resume(b)
	b.stopping = true
	f.giveUp(b)
	grace := step.Grace
	if grace <= 0 {
		grace = 10 * time.Second
	}
	f.emit(b, "kill")
	if b.terminate == nil {
		f.kill(b, 0)
	} else {
		b.terminate()
	}
	wait, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	defer context.AfterFunc(wait, f.wake)()
	for b.Running && wait.Err() == nil {
		f.changed.Wait()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f.kill(b, 137)
	f.emit(b, "stop")
	return nil
}

// wake makes those who wait look at their context.
func (f *Fake) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changed.Broadcast()
}

// log adds a line; the caller holds the lock.
func (f *Fake) log(b *box, stderr bool, text string) {
	b.lines = append(b.lines, orchestrator.LogLine{Time: time.Now(), Stderr: stderr, Text: text})
	f.changed.Broadcast()
}

// logWriter makes log lines of what a program writes, until it is killed.
type logWriter struct {
	fake   *Fake
	box    *box
	killed <-chan struct{}
	stderr bool

	mu   sync.Mutex
	rest []byte
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.killed:
		return 0, syscall.EPIPE
	default:
	}
	w.rest = append(w.rest, p...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.write(string(line))
		w.rest = rest
	}
}

func (w *logWriter) write(line string) {
	w.fake.mu.Lock()
	defer w.fake.mu.Unlock()
	w.fake.log(w.box, w.stderr, line)
}

func (w *logWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.write(string(w.rest))
		w.rest = nil
	}
}
