package demo

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"
)

// What the stand-in holds at most. Older messages make room for new ones; agents
// do not.
const (
	maxAgents   = 100
	maxMessages = 50   // of one agent
	maxText     = 4096 // bytes of one message or name
)

// store holds the agents. It is safe for concurrent use.
type store struct {
	now func() time.Time

	mu     sync.Mutex
	agents []*record // oldest first
}

type record struct {
	agent    agent
	messages []chatMessage // oldest first
}

// firstID is the id of the agent that is there from the start. It is fixed so that
// the commands on the page of /docs stay the same.
const firstID = "agent-00000000-0000-4000-8000-00000000de30"

func newStore(now func() time.Time) *store {
	first := newAgent(firstID, "demo", "", demoModel().Handle, now())
	return &store{now: now, agents: []*record{{agent: first}}}
}

func (s *store) create(name, kind, model string) (agent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.agents) >= maxAgents {
		return agent{}, fmt.Errorf("letta-dev demo: there are %d agents, which is all it holds: delete one first", maxAgents)
	}
	id := "agent-" + uuid4()
	if name == "" {
		name = "demo-" + id[len("agent-"):][:8]
	}
	a := newAgent(id, clip(name), clip(kind), clip(model), s.now())
	s.agents = append(s.agents, &record{agent: a})
	return a, nil
}

func (s *store) list(name string) []agent {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []agent
	for _, r := range s.agents {
		if name == "" || r.agent.Name == name {
			all = append(all, r.agent)
		}
	}
	return all
}

func (s *store) get(id string) (agent, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.find(id); r != nil {
		return r.agent, true
	}
	return agent{}, false
}

func (s *store) remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.agents)
	s.agents = slices.DeleteFunc(s.agents, func(r *record) bool { return r.agent.ID == id })
	return len(s.agents) < before
}

func (s *store) messages(id string) ([]chatMessage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.find(id); r != nil {
		return slices.Clone(r.messages), true
	}
	return nil, false
}

// add stores messages of an agent, unless it is gone.
func (s *store) add(id string, messages ...chatMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.find(id); r != nil {
		r.messages = append(r.messages, messages...)
		r.messages = slices.Clone(r.messages[max(0, len(r.messages)-maxMessages):])
	}
}

func (s *store) find(id string) *record {
	for _, r := range s.agents {
		if r.agent.ID == id {
			return r
		}
	}
	return nil
}

// page returns up to limit of all, which is oldest first: newest first when asked
// so, and of those the ones after or before the item with the given id.
// An id that is not there gives the empty page that ends a client's iteration.
func page[T any](all []T, id func(T) string, after, before string, limit int, newestFirst bool) []T {
	all = slices.Clone(all)
	if newestFirst {
		slices.Reverse(all)
	}
	at := func(want string) int { return slices.IndexFunc(all, func(t T) bool { return id(t) == want }) }
	from, to := 0, len(all)
	if after != "" {
		if from = at(after) + 1; from == 0 {
			from = to
		}
	}
	if before != "" {
		to = max(at(before), from)
		from = max(from, to-limit)
	}
	return append([]T{}, all[from:min(to, from+limit)]...)
}

func uuid4() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
