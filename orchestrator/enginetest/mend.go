package enginetest

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// Pause is what `docker pause` does, but that the program goes on: what it answers meanwhile is the test's to say.
func (f *Fake) Pause(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.containers[name]; b != nil && b.Running {
		b.Status = "paused"
		f.emit(b, "pause")
	}
}

// Copy is what `docker run` of a commit of a container does. What is ours is not inherited, as the contract wants it.
func (f *Fake) Copy(of, name string) {
	f.mu.Lock()
	b := f.containers[of]
	f.mu.Unlock()
	if b != nil {
		f.Add(orchestrator.Container{Name: name, Image: b.Image + "-copy"})
	}
}

// Unpause is what `docker unpause` does.
func (f *Fake) Unpause(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.containers[name]; b != nil {
		f.resume(b)
	}
}

// Disconnect takes a container out of a network, as `docker network disconnect -f` does.
func (f *Fake) Disconnect(network, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.containers[name]; b != nil {
		f.disconnect(b, network)
	}
}

// disconnect takes a container out of a network; the caller holds the lock.
func (f *Fake) disconnect(b *box, network string) {
	i := b.in(network)
	if i < 0 {
		return
	}
	b.Networks = slices.Delete(b.Networks, i, i+1)
	b.show()
	f.emitNetwork(b, "disconnect", network)
}

// Connect takes a container into a network, as `docker network connect` does.
func (f *Fake) Connect(network, name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if b := f.containers[name]; b != nil {
		f.connect(b, network)
	}
}

// resume lets a paused container go on; the caller holds the lock.
func (f *Fake) resume(b *box) {
	if b.Status == "paused" {
		b.Status = "running"
		f.emit(b, "unpause")
	}
}

func (f *Fake) unpause(step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.own(step)
	if b != nil {
		f.resume(b)
	}
	return err
}

func (f *Fake) join(step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.own(step)
	switch {
	case err != nil:
		return err
	case b == nil || f.ids[step.Network] == "" || step.Spec == nil:
		return fmt.Errorf("joining container %q to network %q: one of the two is not there, or the specification", step.Target, step.Network)
	}
	f.connect(b, step.Network)
	return nil
}

// connect takes a container into the network that has the name now; the caller holds the lock.
func (f *Fake) connect(b *box, network string) {
	now := orchestrator.Attached{Name: network, ID: f.ids[network]}
	if slices.Contains(b.Networks, now) {
		return
	}
	f.disconnect(b, network)
	b.Networks = append(b.Networks, now)
	b.address = netip.AddrFrom4([4]byte{172, 30, 1, byte(len(f.events))})
	b.show()
	f.emitNetwork(b, "connect", network)
}

func (f *Fake) leave(step orchestrator.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.own(step)
	if b != nil {
		f.disconnect(b, step.Network)
	}
	return err
}

// emitNetwork adds an event of a network, which has of the container no more than its ID; the caller holds the lock.
func (f *Fake) emitNetwork(b *box, action, network string) {
	f.events = append(f.events, orchestrator.Happening{Time: time.Now(), Action: action, Container: b.ID, Network: network})
	f.changed.Broadcast()
}
