package orchestrator

import (
	"fmt"
	"strings"
)

// redisWaits is how often startup.sh waits for the Redis inside the container, a second each, before that has ended. It answers within
// one second, and tells nothing of its end: it runs as a daemon, whose log goes nowhere.
const redisWaits = 30

// redisWatch reads the log of a starting server for the end of the Redis inside it, for which the start script waits without an end.
type redisWatch struct{ waits int }

// add takes the next line, and reports whether Redis has ended.
func (w *redisWatch) add(line string) bool {
	switch {
	case strings.Contains(line, "Waiting for Redis to be ready"):
		w.waits++
	case stageOf(line) != "", strings.Contains(line, "Using internal Redis at"):
		w.waits = 0
	}
	return w.waits >= redisWaits
}

// stuckRedis is the error about it. What a new container lacks is the dump in the old one: Redis holds the streams of runs in the
// background, and no agents.
func stuckRedis(container string) *StuckError {
	return &StuckError{
		Container: container, Program: "Redis", Advice: "letta-dev down && letta-dev up  # a new container; agents stay in the data volume",
		Cause: fmt.Sprintf("it has not answered for %d s, and says nothing of why; what it kept in the container (dump.rdb) may be broken", redisWaits),
	}
}
