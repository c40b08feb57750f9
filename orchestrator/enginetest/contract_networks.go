package enginetest

import (
	"slices"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// networked is a specification of a server in networks of those names, which are made, and gone at the end of the case.
func (s subject) networked(t *testing.T, networks ...string) *orchestrator.Spec {
	t.Helper()
	spec := publishing(s.spec("serve"), 0)
	spec.NetworkNames = map[string]string{}
	for _, n := range networks {
		s.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: s.Prefix + n})
		s.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: s.Prefix + n})
		spec.Networks = append(spec.Networks, compose.Attachment{Network: n, Aliases: []string{"letta_server"}})
		spec.NetworkNames[n] = s.Prefix + n
	}
	return spec
}

// stopWithout stops a container and removes a network under it. Podman refuses that: nothing can be lost there.
func (s subject) stopWithout(t *testing.T, name, network string) {
	t.Helper()
	s.must(t, orchestrator.Step{Action: orchestrator.Stop, Target: name, Grace: 5 * time.Second})
	if err := s.do(orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: network}); err != nil {
		t.Skipf("this engine keeps the networks of stopped containers: %v", err)
	}
	if c := s.standing(t, name); !slices.Contains(c.Networks, orchestrator.Attached{Name: network}) {
		t.Errorf("its network is gone, and it is in %v", c.Networks)
	}
	if err := s.do(orchestrator.Step{Action: orchestrator.Start, Target: name}); err == nil {
		t.Error("it was started without its network")
	}
	if _, found := s.see(t, name); !found {
		t.Error("a start that failed took a container that had run")
	}
}

// inNetwork fails unless the container is in the network that has this name now.
func (s subject) inNetwork(t *testing.T, name, network string) {
	t.Helper()
	now := s.observe(t, orchestrator.Query{}).Networks[network]
	if c := s.standing(t, name); now.ID == "" || !slices.Equal(c.Networks, []orchestrator.Attached{{Name: network, ID: now.ID}}) || len(c.Addresses) == 0 {
		t.Errorf("it is in %v at %v, and the network is %v", c.Networks, c.Addresses, now)
	}
}

func rejoins(t *testing.T, s subject) {
	network := s.Prefix + "anew"
	spec := s.networked(t, "anew")
	name := s.run(t, "rejoin", spec)
	s.stopWithout(t, name, network)
	s.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: network})
	byName := s.observe(t, orchestrator.Query{}).Engine.Name == "podman" // which starts a container in whatever has the name
	if c := s.standing(t, name); !byName && !slices.Contains(c.Networks, orchestrator.Attached{Name: network}) {
		t.Errorf("another network of the name passes for its own: %v", c.Networks)
	}
	for range 2 { // the second time nothing is to do
		s.must(t, orchestrator.Step{Action: orchestrator.Join, Target: name, Network: network, Spec: spec})
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Start, Target: name})
	s.inNetwork(t, name, network)
	s.get(t, s.standing(t, name), "/rejoined")
}

func leavesWhatIsGone(t *testing.T, s subject) {
	name := s.run(t, "leave", s.networked(t, "stays", "goes"))
	s.stopWithout(t, name, s.Prefix+"goes")
	for range 2 {
		s.must(t, orchestrator.Step{Action: orchestrator.Leave, Target: name, Network: s.Prefix + "goes"})
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Start, Target: name})
	s.inNetwork(t, name, s.Prefix+"stays")
}
