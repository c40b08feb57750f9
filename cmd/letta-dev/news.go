package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy"
)

// This file is what a person is told who has a foreground `up` or `proxy` before them: what went wrong, what came back, what was renewed. The
// timeline has it too, and in the background it alone.

// tell shows a line of news, but for those of a kind that was shown within a minute, which are counted.
func (s *serving) tell(kind, format string, args ...any) {
	if !s.cfg.Background {
		s.news.add(kind, fmt.Sprintf(format, args...))
	}
}

// say puts a line on the timeline, and among the news.
func (s *serving) say(kind, format string, args ...any) {
	s.journal.say(format, args...)
	s.tell(kind, format, args...)
}

// access records a request, and tells of one that failed for the server's reasons or ours. One that came while the server starts has
// been told of with the start.
func (s *serving) access(a *proxy.Access) {
	s.journal.access(a)
	if a.Status < 500 || s.cfg.Background {
		return
	}
	if st, _ := s.follower.State(); st.Phase == orchestrator.PhaseStarting {
		return
	}
	record := recordOf(a)
	s.tell(fmt.Sprint(a.Status), "%s", record.text())
}

// starts knows how long the server's last start took. It is kept in a file, for the next process to know.
type starts struct {
	files paths
	now   func() time.Time

	mu        sync.Mutex
	container string    // whose start the engine has told of
	at        time.Time // when
	last      time.Duration
}

// startRecord is the file.
type startRecord struct {
	Seconds float64 `json:"seconds"`
}

// load reads what an earlier process kept. There may be nothing, or nothing of use: then no start is known.
func (s *starts) load() error {
	b, err := os.ReadFile(s.files.lastStart())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var kept startRecord
	if err == nil && json.Unmarshal(b, &kept) == nil && kept.Seconds > 0 && kept.Seconds < (24*time.Hour).Seconds() {
		s.last = time.Duration(kept.Seconds * float64(time.Second))
	}
	return err
}

// began notes that the engine has started a container.
func (s *starts) began(h orchestrator.Happening) {
	if h.Action != "start" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.container, s.at = h.Container, s.now()
}

// ready notes that a container is ready since then, and returns how long its start took; 0 for one whose start nobody saw.
func (s *starts) ready(container string, since time.Time) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if container == "" || container != s.container {
		return 0, nil
	}
	s.container, s.last = "", since.Sub(s.at)
	return s.last, s.files.replace(s.files.lastStart(), startRecord{s.last.Seconds()})
}

// took is how long the last start took; 0 where none is known.
func (s *starts) took() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// watchServer tells how the server stands whenever that changes, until ctx ends. A server that comes and goes is told of ever more slowly:
// what is told last is how it stands.
func (s *serving) watchServer(ctx context.Context) {
	var told orchestrator.Phase
	var at time.Time
	wasReady, quick := false, 0
	for {
		st, changed := s.follower.State()
		if st.Phase != told {
			s.tellPhase(st, wasReady)
			wasReady = wasReady || st.Phase == orchestrator.PhaseReady
			if quick++; time.Since(at) > complaintEvery {
				quick = 0
			}
			told, at = st.Phase, time.Now()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(pauseAfter(quick)):
		case <-ctx.Done():
			return
		}
	}
}

// pauseAfter is the time between two lines after some that came within a minute of each other: none after a few, as of a restart.
func pauseAfter(lines int) time.Duration {
	const few, most = 6, 5
	if lines < few {
		return 0
	}
	return time.Second << min(lines-few, most)
}

// tellPhase tells how the server stands. Of what came before the end of a foreground `up`, which may have put another container in the
// place of one that ran, its rows have told.
func (s *serving) tellPhase(st orchestrator.State, again bool) {
	name := st.Container
	if name == "" {
		name = s.targetName()
	}
	since := st.Since
	if st.Phase == orchestrator.PhaseStarting { // of which the engine says since when, by its own clock
		since = time.Now()
	}
	tell := func(format string, args ...any) {
		s.journal.say(format, args...)
		if !s.cfg.Background && s.app.ui.isNews(since) {
			s.app.ui.news(format, args...)
		}
	}
	if st.Route != "" {
		s.debug("server", "%s is reached by %s", name, st.Route)
	}
	switch st.Phase {
	case orchestrator.PhaseReady:
		took, err := s.starts.ready(st.ID, st.Since)
		if err != nil {
			s.journal.say("how long the start took could not be kept: %v", err)
		}
		if took > 0 {
			tell("%s is ready, in %s", name, seconds(took))
		} else {
			tell("%s is ready", name)
		}
	case orchestrator.PhaseStarting:
		if again {
			tell("%s starts", name)
		}
	default:
		cause, hint := causeAndHint(st.Err)
		if hint != "" {
			hint = "; try: " + hint
		}
		tell("%s is %s: %s%s", name, st.Phase, cause, hint)
	}
}
