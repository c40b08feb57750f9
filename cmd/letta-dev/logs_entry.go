package main

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// The sources of the timeline. A container that is neither the server nor a database is a source by its service's name.
const (
	sourceServer   = "server"
	sourceDatabase = "database"
	sourceProxy    = "proxy"
	sourceEngine   = "engine"
)

// logEntry is one entry of the timeline, as --json prints it.
type logEntry struct {
	Time    time.Time               `json:"time"`
	Source  string                  `json:"source"`
	Service string                  `json:"service,omitempty"` // of a container
	Stream  string                  `json:"stream,omitempty"`  // of a container: stdout or stderr
	Text    string                  `json:"text"`
	Access  *accessRecord           `json:"access,omitempty"`
	Event   *orchestrator.Happening `json:"event,omitempty"`
}

// naming makes entries of what containers and the proxy wrote. It is safe for concurrent use.
type naming struct {
	attached string
	postgres *regexp.Regexp
	colour   *regexp.Regexp

	mu         sync.Mutex
	inPostgres map[string]bool // by container and stream: the last line with a beginning of its own was Postgres's
}

// newNaming knows the attached container by its name; it carries no label of ours.
func newNaming(attached string) *naming {
	return &naming{
		attached: attached,
		// log_line_prefix as Postgres and Debian have it: "%m [%p] " and "%m [%p] %q%u@%d ".
		postgres:   regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ \[\d+\] (\S+@\S+ )?[A-Z]+[0-9]?: `),
		colour:     regexp.MustCompile("\x1b\\[[0-9;:]*m"),
		inPostgres: map[string]bool{},
	}
}

func (n *naming) isAttached(c orchestrator.Container) bool {
	return n.attached != "" && c.Name == n.attached
}

// of is where the lines of a container come from.
func (n *naming) of(c orchestrator.Container) (source, service string) {
	service = c.Labels[orchestrator.LabelService]
	if service == "" {
		service = c.Labels["com.docker.compose.service"]
	}
	if service == "" {
		service = c.Name
	}
	switch {
	case n.isAttached(c), c.Labels[orchestrator.LabelRole] == orchestrator.RoleServer:
		return sourceServer, service
	case isDatabase(c.Image):
		return sourceDatabase, service
	}
	return service, service
}

// isDatabase says whether an image is a Postgres, by its name: pgvector/pgvector:0.8.1-pg15, ankane/pgvector, postgres:17.
func isDatabase(image string) bool {
	name, _, _ := strings.Cut(path.Base(image), ":")
	return strings.Contains(name, "postgres") || strings.Contains(name, "pgvector")
}

// line is the entry of a container's line: secrets hidden, colours taken out.
func (n *naming) line(c orchestrator.Container, l orchestrator.LogLine) logEntry {
	e := logEntry{Time: l.Time, Stream: "stdout", Text: n.clean(l.Text)}
	if l.Stderr {
		e.Stream = "stderr"
	}
	e.Source, e.Service = n.of(c)
	if e.Source == sourceServer && n.isPostgres(c.ID+e.Stream, e.Text) {
		e.Source = sourceDatabase
	}
	return e
}

func (n *naming) clean(line string) string {
	return orchestrator.Redact(n.colour.ReplaceAllString(line, ""))
}

// isPostgres knows the lines of the Postgres inside the server's container. One that goes on begins with a tab.
func (n *naming) isPostgres(stream, line string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !strings.HasPrefix(line, "\t") {
		n.inPostgres[stream] = n.postgres.MatchString(line)
	}
	return n.inPostgres[stream]
}

// entry is the timeline's entry of the journal's.
func (n *naming) entry(j journalEntry) logEntry {
	e := logEntry{Time: j.Time, Source: j.Source, Access: j.Access, Event: j.Event}
	switch {
	case j.Access != nil:
		e.Text = j.Access.text()
	case j.Event != nil:
		e.Text = eventText(*j.Event)
	case j.Lost > 0:
		e.Text = fmt.Sprintf("%d entries could not be written to the journal and are lost", j.Lost)
	default:
		e.Text = n.clean(j.Line)
	}
	return e
}

// text is a request as a person reads it: 200 GET https://letta.localhost/v1/agents/ 1.2kB 35.0 ms.
func (a *accessRecord) text() string {
	scheme := "http"
	if a.WebSocket {
		scheme = "ws"
	}
	if a.TLS {
		scheme += "s"
	}
	took := fmt.Sprintf("%.1f ms", a.TotalMS)
	if a.TotalMS >= 1000 {
		took = seconds(time.Duration(a.TotalMS * float64(time.Millisecond)))
	}
	where := a.Path
	if a.Host != "" { // else it is no request
		where = scheme + "://" + a.Host + a.Path
	}
	s := fmt.Sprintf("%d %s %s %s %s", a.Status, cmp.Or(a.Method, "-"), cmp.Or(where, "-"), units.HumanSize(float64(a.BytesOut)), took)
	if a.Cause != "" {
		s += " · " + a.Cause
	}
	return s
}

func eventText(h orchestrator.Happening) string {
	switch {
	case h.Health != "":
		return h.Name + " is " + h.Health
	case h.Action == "die":
		return fmt.Sprintf("%s die, exit code %d", h.Name, h.ExitCode)
	}
	return h.Name + " " + h.Action
}
