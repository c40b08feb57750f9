package model

import (
	"context"
	"regexp"
	"strconv"
)

// wish is what a message asks the model to do other than answer.
type wish struct {
	status int    // fail with this HTTP status; 0 is success
	drop   bool   // cut the connection half way
	gate   string // wait for the gate of this name before every piece but the first
}

// parseWish finds the first wish in text, which may hold more: Letta wraps what a user says in JSON.
func parseWish(text string) wish {
	pattern := regexp.MustCompile(`please (?:fail ([45][0-9][0-9])\b|(drop)\b|wait for ([A-Za-z0-9_-]+))`)
	found := pattern.FindStringSubmatch(text)
	if found == nil {
		return wish{}
	}
	status, _ := strconv.Atoi(found[1]) // empty, or three digits
	return wish{status: status, drop: found[2] != "", gate: found[3]}
}

// Gate holds an answer back, piece by piece.
type Gate struct {
	open chan struct{}
}

// Gate returns the gate that the message "please wait for NAME" waits at; a gate is made when it is first named, by
// either side. The first piece needs no gate. A name serves one answer.
func (s *Server) Gate(name string) *Gate {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate, ok := s.gates[name]
	if !ok {
		gate = &Gate{open: make(chan struct{}, len(Pieces()))}
		s.gates[name] = gate
	}
	return gate
}

// Open lets one more piece pass. It never blocks: one answer has no more pieces than the gate can count, and what is
// beyond that has nothing to open.
func (g *Gate) Open() {
	select {
	case g.open <- struct{}{}:
	default:
	}
}

// pass waits until the gate is opened once, or until the client has gone.
func (g *Gate) pass(ctx context.Context) error {
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
