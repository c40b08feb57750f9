package orchestrator

import (
	"hash/maphash"
	"maps"
	"time"
)

// givenLines remembers the last lines of a log that were given: enough to know them again when the log is read anew.
type givenLines struct {
	seed     maphash.Seed
	lines    int       // all of them
	last     time.Time // stamp of the last
	bySecond map[int64]map[logKey]int
}

// logKey stands for a line; equal lines with the same stamp are counted.
type logKey struct {
	stamp  int64 // in nanoseconds
	stderr bool
	text   uint64
}

// Lines may stand up to a second later in the log than their stamps say. So the last line may be stamped a second after one that
// comes next, and an engine with stamps of whole seconds may leave out lines of the very second it is asked for: reading begins
// again two seconds before. What it may bring again besides is older by such a second, once for the last line and once for the first
// that is late enough, after which some engines give all there is.
const (
	resumeSeconds   = 2
	rememberSeconds = 4
)

// resumeTime is the time to read again from after a line with that stamp; zero for the beginning.
func resumeTime(last time.Time) time.Time {
	if last.IsZero() {
		return last
	}
	return time.Unix(last.Unix()-resumeSeconds, 0)
}

func (g *givenLines) forget() {
	g.lines, g.last, g.bySecond = 0, time.Time{}, map[int64]map[logKey]int{}
}

// copy is what a reading from resumeTime may give again; isNew counts it down.
func (g *givenLines) copy() map[logKey]int {
	m := map[logKey]int{}
	for _, second := range g.bySecond {
		maps.Copy(m, second)
	}
	return m
}

// isNew says whether a line is not one of the replayed, and remembers it.
func (g *givenLines) isNew(l LogLine, again map[logKey]int) bool {
	k := logKey{l.Time.UnixNano(), l.Stderr, maphash.String(g.seed, l.Text)}
	if again[k] > 0 {
		again[k]--
		return false
	}
	g.lines++
	if second := l.Time.Unix(); second != g.last.Unix() {
		for old := range g.bySecond {
			if old < second-rememberSeconds {
				delete(g.bySecond, old)
			}
		}
	}
	g.last = l.Time
	second := l.Time.Unix()
	if g.bySecond[second] == nil {
		g.bySecond[second] = map[logKey]int{}
	}
	g.bySecond[second][k]++
	return true
}
