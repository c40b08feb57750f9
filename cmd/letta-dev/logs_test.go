package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/letta-dev/letta-dev/orchestrator"
	"github.com/letta-dev/letta-dev/proxy"
)

// noon is the clock of these tests. It is UTC, so that the timeline is the same wherever they run.
func noon() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }

// clockAt is a moment of that day.
func clockAt(clock string) time.Time {
	t, err := time.Parse(time.DateOnly+" "+time.TimeOnly, "2026-05-04 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// paperEngine is an engine with containers that never change and logs that tests hold in hand: those that are there, and with
// Follow what comes through live.
type paperEngine struct {
	orchestrator.Engine // what is not needed panics
	containers          []orchestrator.Container
	lines               map[string][]orchestrator.LogLine // by container ID
	live                chan orchestrator.LogLine         // of the first container
	err                 error
	asked               []orchestrator.LogOptions
	mu                  sync.Mutex
}

func (e *paperEngine) Observe(context.Context, orchestrator.Query) (orchestrator.Observation, error) {
	return orchestrator.Observation{Containers: e.containers}, e.err
}

func (e *paperEngine) Watch(ctx context.Context, ready func(), _ func(orchestrator.Happening)) error {
	ready()
	<-ctx.Done()
	return nil
}

func (e *paperEngine) Logs(ctx context.Context, id string, o orchestrator.LogOptions, f func(orchestrator.LogLine)) error {
	e.mu.Lock()
	e.asked = append(e.asked, o)
	e.mu.Unlock()
	for _, l := range e.lines[id] {
		if !l.Time.Before(o.Since) && (o.Until.IsZero() || !l.Time.After(o.Until)) {
			f(l)
		}
	}
	for o.Follow && id == e.containers[0].ID {
		select {
		case l := <-e.live:
			f(l)
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// project is the engine of a project "test": the server, a database of its own, another service, and somebody else's container.
func paperProject() *paperEngine {
	ours := func(service, role string) orchestrator.Labels {
		return orchestrator.Labels{orchestrator.LabelManaged: "true", orchestrator.LabelProject: "test", orchestrator.LabelService: service, orchestrator.LabelRole: role}
	}
	return &paperEngine{
		live: make(chan orchestrator.LogLine),
		containers: []orchestrator.Container{
			{ID: "1", Name: "letta-server", Labels: ours("letta_server", orchestrator.RoleServer), Image: "letta/letta:0.16.8"},
			{ID: "2", Name: "test-letta_db-1", Labels: ours("letta_db", ""), Image: "docker.io/ankane/pgvector:v0.5.1"},
			{ID: "3", Name: "test-llm-1", Labels: ours("llm", ""), Image: "ollama/ollama"},
			{ID: "4", Name: "other", Image: "letta/letta"},
		},
		lines: map[string][]orchestrator.LogLine{
			"1": {
				{Time: clockAt("11:00:00.1"), Text: "Starting Letta Server"},
				{Time: clockAt("11:00:00.3"), Text: "2026-05-04 11:00:00.300 UTC [55] LOG:  database system is ready", Stderr: true},
				{Time: clockAt("11:00:00.3"), Text: "\tgoing on", Stderr: true},
				{Time: clockAt("11:00:00.9"), Text: "INFO:     Application startup complete.", Stderr: true},
			},
			"2": {{Time: clockAt("11:00:00.2"), Text: "listening on IPv4"}},
			"3": {{Time: clockAt("11:00:00.8"), Text: "model loaded"}},
			"4": {{Time: clockAt("11:00:00.8"), Text: "not ours"}},
		},
	}
}

// logsCase is one run of the command, with what it said.
type logsCase struct {
	app    *app
	out    bytes.Buffer
	talk   bytes.Buffer
	engine *paperEngine // nil: there is none
	attach string
}

func newLogsCase(t *testing.T) *logsCase {
	t.Helper()
	home := t.TempDir()
	c := &logsCase{engine: paperProject()}
	c.app = &app{stdout: &c.out, stderr: &c.talk, dir: t.TempDir(), now: noon, global: globalFlags{project: "test"}}
	c.app.env = func(name string) (string, bool) { return home, name == "HOME" || name == "USERPROFILE" }
	c.app.ui = newUI(c.app)
	return c
}

// journal has entries in it: a request at 11:00:00.4 and an event at 11:00:00.05.
func (c *logsCase) journal(t *testing.T) *journal {
	t.Helper()
	files, err := c.app.paths("test")
	if err != nil {
		t.Fatal(err)
	}
	if err := files.makeState(); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(files.journal(), nil, func() time.Time { return clockAt("11:00:00.4") })
	if err != nil {
		t.Fatal(err)
	}
	j.batch.delay = 0
	t.Cleanup(func() { _ = j.close() })
	j.access(&proxy.Access{Method: "GET", Host: "letta.localhost", Path: "/v1/agents/", TLS: true, Status: 502, BytesOut: 1234, Total: 35 * time.Millisecond, Cause: "connection refused"})
	j.engine(orchestrator.Happening{Time: clockAt("11:00:00.05"), Action: "start", Name: "letta-server"})
	return j
}

var errNoEngine error = &orchestrator.UnreachableError{Advice: "sudo systemctl start docker"}

func (c *logsCase) run(ctx context.Context, t *testing.T, o logsOptions) error {
	t.Helper()
	r := newLogsRun(c.app, o)
	r.attached = func(context.Context, paths) string { return c.attach }
	r.engine = func(context.Context) (orchestrator.Engine, error) {
		if c.engine == nil {
			return nil, errNoEngine
		}
		return c.engine, nil
	}
	return r.run(ctx)
}

// prints runs the command and compares what it printed.
func (c *logsCase) prints(t *testing.T, o logsOptions, want ...string) {
	t.Helper()
	c.out.Reset()
	if err := c.run(t.Context(), t, o); err != nil {
		t.Fatal(err)
	}
	c.printed(t, want...)
}

func (c *logsCase) printed(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.TrimSuffix(c.out.String(), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("printed\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

var everything = logsOptions{tail: allEntries}

func TestLogsOneTimeline(t *testing.T) {
	c := newLogsCase(t)
	c.journal(t)
	c.prints(t, everything,
		"11:00:00.050 engine   letta-server start",
		"11:00:00.100 server   Starting Letta Server",
		"11:00:00.200 database listening on IPv4",
		"11:00:00.300 database 2026-05-04 11:00:00.300 UTC [55] LOG:  database system is ready",
		"11:00:00.300 database \tgoing on",
		"11:00:00.400 proxy    502 GET https://letta.localhost/v1/agents/ 1.234kB 35.0 ms · connection refused",
		"11:00:00.800 llm      model loaded",
		"11:00:00.900 server   INFO:     Application startup complete.",
	)
	if c.talk.Len() > 0 {
		t.Errorf("it talked: %s", c.talk.String())
	}
}

func TestLogsChoosesEntries(t *testing.T) {
	c := newLogsCase(t)
	c.journal(t)
	grep, err := parseGrep("^INFO|loaded")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		options logsOptions
		want    []string
	}{
		"tail":            {logsOptions{tail: 2}, []string{"11:00:00.800 llm      model loaded", "11:00:00.900 server   INFO:     Application startup complete."}},
		"no tail":         {logsOptions{tail: 0}, nil},
		"a source":        {logsOptions{tail: allEntries, services: []string{"proxy"}}, []string{"11:00:00.400 proxy    502 GET https://letta.localhost/v1/agents/ 1.234kB 35.0 ms · connection refused"}},
		"a service":       {logsOptions{tail: allEntries, services: []string{"letta_db"}}, []string{"11:00:00.200 database listening on IPv4"}},
		"source and tail": {logsOptions{tail: 1, services: []string{"server"}}, []string{"11:00:00.900 server   INFO:     Application startup complete."}},
		"two": {logsOptions{tail: 3, services: []string{"engine", "database"}}, []string{
			"11:00:00.200 database listening on IPv4", "11:00:00.300 database 2026-05-04 11:00:00.300 UTC [55] LOG:  database system is ready", "11:00:00.300 database \tgoing on"}},
		"grep":  {logsOptions{tail: allEntries, grep: grep}, []string{"11:00:00.800 llm      model loaded", "11:00:00.900 server   INFO:     Application startup complete."}},
		"since": {logsOptions{tail: allEntries, since: clockAt("11:00:00.4"), until: clockAt("11:00:00.8")}, []string{"11:00:00.400 proxy    502 GET https://letta.localhost/v1/agents/ 1.234kB 35.0 ms · connection refused", "11:00:00.800 llm      model loaded"}},
	} {
		t.Run(name, func(t *testing.T) { c.prints(t, test.options, test.want...) })
	}
}

func TestLogsAsksTheEngineForNoMoreThanIsShown(t *testing.T) {
	c := newLogsCase(t)
	if err := c.run(t.Context(), t, logsOptions{tail: 2}); err != nil {
		t.Fatal(err)
	}
	if c.engine.asked[0].Tail != 2 {
		t.Errorf("asked for %+v", c.engine.asked[0])
	}
}

func TestLogsAsksForAllWhereItChoosesItself(t *testing.T) {
	c := newLogsCase(t)
	for _, o := range []logsOptions{{tail: 2, until: noon()}, {tail: 2, services: []string{"server"}}, {tail: allEntries}} {
		c.engine.asked = nil
		if err := c.run(t.Context(), t, o); err != nil {
			t.Fatal(err)
		}
		if c.engine.asked[0].Tail != 0 {
			t.Errorf("%+v: asked for %+v", o, c.engine.asked[0])
		}
	}
}

func TestTimelineHoldsNoMoreThanItMustFind(t *testing.T) {
	tl := &timeline{options: logsOptions{tail: 10}}
	for i := range 50000 {
		tl.add(logEntry{Time: noon().Add(time.Duration(i))})
	}
	if len(tl.held) > 5000 || tl.held[len(tl.held)-1].Time != noon().Add(49999) {
		t.Errorf("%d entries are held", len(tl.held))
	}
}

func TestLogsTailOfALongHistory(t *testing.T) {
	c := newLogsCase(t)
	c.engine.lines["1"] = nil
	for i := range 20000 {
		c.engine.lines["1"] = append(c.engine.lines["1"], orchestrator.LogLine{Time: clockAt("09:00:00").Add(time.Duration(i) * time.Millisecond), Text: fmt.Sprint("line ", i)})
	}
	c.prints(t, logsOptions{tail: 1, services: []string{"server"}}, "09:00:19.999 server   line 19999")
}

func TestLogsJSON(t *testing.T) {
	c := newLogsCase(t)
	c.journal(t)
	c.app.global.json = true
	c.engine.lines["1"][0].Text = "sk-abcdefghijklmnop \x1b[31mred\x1b[0m \x1b[2J\u009b2J <&>"
	if err := c.run(t.Context(), t, everything); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(c.out.String()), "\n")
	if len(lines) != 8 {
		t.Fatalf("%d lines:\n%s", len(lines), c.out.String())
	}
	if want := `{"time":"2026-05-04T11:00:00.1Z","source":"server","service":"letta_server","stream":"stdout","text":"sk-[hidden] red \u001b[2J\u009b2J <&>"}`; lines[1] != want {
		t.Errorf("got\n%s\nwant\n%s", lines[1], want)
	}
	var request struct {
		Source, Text string
		Access       struct {
			Status  int
			Host    string
			TotalMS float64
		}
	}
	if err := json.Unmarshal([]byte(lines[5]), &request); err != nil || request.Access.Status != 502 || request.Access.Host != "letta.localhost" || request.Access.TotalMS != 35 {
		t.Errorf("%+v, %v", request, err)
	}
	if !strings.Contains(lines[0], `"event":{"time":"2026-05-04T11:00:00.05Z","action":"start"`) {
		t.Errorf("got %s", lines[0])
	}
}

func TestLogsFoldsMigrations(t *testing.T) {
	c := newLogsCase(t)
	step := func(clock string) orchestrator.LogLine {
		return orchestrator.LogLine{Time: clockAt(clock), Text: "INFO  [alembic.runtime.migration] Running upgrade a -> b, what it does", Stderr: true}
	}
	c.engine.lines = map[string][]orchestrator.LogLine{
		"1": {step("11:00:01"), step("11:00:02"), {Time: clockAt("11:00:02.5"), Text: "2026-05-04 11:00:02.500 UTC [1] LOG:  checkpoint"}, step("11:00:03"),
			{Time: clockAt("11:00:05"), Text: "Database migration completed successfully."}, step("11:00:06"), {Time: clockAt("11:00:07"), Text: "on"}, step("11:00:08"), step("11:00:09")},
		"3": {{Time: clockAt("11:00:04"), Text: "busy"}},
	}
	c.prints(t, everything,
		"11:00:02.500 database 2026-05-04 11:00:02.500 UTC [1] LOG:  checkpoint",
		"11:00:04.000 llm      busy",
		"11:00:03.000 server   INFO  [alembic.runtime.migration] … 3 migrations",
		"11:00:05.000 server   Database migration completed successfully.",
		"11:00:06.000 server   INFO  [alembic.runtime.migration] Running upgrade a -> b, what it does",
		"11:00:07.000 server   on",
		"11:00:09.000 server   INFO  [alembic.runtime.migration] … 2 migrations",
	)
	grep, _ := parseGrep("what it does")
	if err := c.run(t.Context(), t, logsOptions{tail: 2, grep: grep}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(c.out.String(), "what it does"); n != 3 {
		t.Errorf("--grep folded lines: %s", c.out.String())
	}
}

func TestLogsColours(t *testing.T) {
	c := newLogsCase(t)
	c.app.global.color = "always"
	c.prints(t, logsOptions{tail: 1}, "\x1b[2m11:00:00.900\x1b[m \x1b[36mserver  \x1b[m INFO:     Application startup complete.")
}

func TestLogsOfAnotherDayHaveTheDate(t *testing.T) {
	c := newLogsCase(t)
	c.engine.lines = map[string][]orchestrator.LogLine{"1": {{Time: clockAt("11:00:00").AddDate(0, 0, -1), Text: "yesterday"}}}
	c.prints(t, everything, "2026-05-03 11:00:00.000 server   yesterday")
}

func TestLogsHidesSecretsAndCommandsToTheTerminal(t *testing.T) {
	c := newLogsCase(t)
	c.engine.lines = map[string][]orchestrator.LogLine{"1": {{Time: clockAt("11:00:00"),
		Text: "secure mode with password: hunter2"}, {Time: clockAt("11:00:01"),
		Text: "postgresql://letta:hunter2@db/letta"}, {Time: clockAt("11:00:02"),
		Text: "\x1b[1mbold\x1b[0m\ttab \x1b]0;title\a \x1b[2J\r \x7f \u0085 \u202eltr \xff\xfe é ▶ 👩\u200d🚀"}}}
	c.prints(t, everything,
		"11:00:00.000 server   secure mode with password: [hidden]",
		"11:00:01.000 server   postgresql://letta:[hidden]@db/letta",
		`11:00:02.000 server   bold`+"\t"+`tab \x1b]0;title\a \x1b[2J\r \x7f \u0085 \u202eltr \xff\xfe é ▶ `+"👩\u200d🚀",
	)
}

func TestLogsOfTheAttachedContainer(t *testing.T) {
	c := newLogsCase(t)
	c.attach = "other"
	c.engine.containers = c.engine.containers[3:]
	c.prints(t, logsOptions{tail: allEntries, services: []string{"server"}}, "11:00:00.800 server   not ours")
}

func TestLogsWithoutAnEngineShowsTheJournal(t *testing.T) {
	c := newLogsCase(t)
	c.journal(t)
	c.engine = nil
	c.prints(t, everything,
		"11:00:00.050 engine   letta-server start",
		"11:00:00.400 proxy    502 GET https://letta.localhost/v1/agents/ 1.234kB 35.0 ms · connection refused",
	)
	if !strings.Contains(c.talk.String(), errNoEngine.Error()) {
		t.Errorf("it did not warn: %s", c.talk.String())
	}
	err := c.run(t.Context(), t, logsOptions{tail: allEntries, services: []string{"server"}})
	if e := explain(err); e.Exit != exitNotReady || e.Hint != "sudo systemctl start docker" {
		t.Errorf("nothing could be shown, and it ended with %+v", e)
	}
}

func TestLogsWithNothingAtAll(t *testing.T) {
	c := newLogsCase(t)
	c.engine.containers = c.engine.containers[3:]
	err := c.run(t.Context(), t, everything)
	if e := explain(err); e.Exit != exitFailed || e.Hint != "letta-dev up" || e.Message != `project "test" has no logs: none of its containers is there, and no proxy has run` {
		t.Errorf("with an engine: %+v", e)
	}
	c.engine = nil
	if e := explain(c.run(t.Context(), t, everything)); e.Exit != exitNotReady {
		t.Errorf("without an engine: %+v", e)
	}
}

func TestLogsTellsOfABrokenJournal(t *testing.T) {
	c := newLogsCase(t)
	j := c.journal(t)
	fmt.Fprint(j.file, "junk\nmore junk\n")
	c.prints(t, logsOptions{tail: allEntries, services: []string{"engine"}}, "11:00:00.050 engine   letta-server start")
	if !strings.Contains(c.talk.String(), j.path+" what letta-dev did not write: 2") {
		t.Errorf("it said: %s", c.talk.String())
	}
}

func TestLogsUnknownService(t *testing.T) {
	c := newLogsCase(t)
	err := c.run(t.Context(), t, logsOptions{tail: allEntries, services: []string{"letta-db"}})
	if e := explain(err); e.Exit != exitUsage || !strings.Contains(e.Message, "there are server, database, proxy, engine, letta_server, letta_db, llm") {
		t.Errorf("got %+v", e)
	}
	if c.out.Len() > 0 {
		t.Errorf("printed %s", c.out.String())
	}
}

func TestLogsFollow(t *testing.T) {
	c := newLogsCase(t)
	j := c.journal(t)
	synctest.Test(t, func(t *testing.T) {
		c.engine.live = make(chan orchestrator.LogLine)
		ctx, ctrlC := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- c.run(ctx, t, logsOptions{tail: 1, follow: true, services: []string{"server", "proxy"}})
		}()
		synctest.Wait()
		c.printed(t, "11:00:00.900 server   INFO:     Application startup complete.")
		c.engine.live <- orchestrator.LogLine{Time: clockAt("11:00:01"), Text: "INFO  [alembic.runtime.migration] Running upgrade a -> b, x"}
		c.engine.live <- orchestrator.LogLine{Time: clockAt("11:00:01"), Text: "INFO  [alembic.runtime.migration] Running upgrade b -> c, y"}
		j.access(&proxy.Access{Method: "GET", Host: "localhost:8283", Path: "/ws", WebSocket: true, Status: 101, Total: 15 * time.Second})
		time.Sleep(journalEvery)
		synctest.Wait()
		c.printed(t, "11:00:00.900 server   INFO:     Application startup complete.",
			"11:00:00.400 proxy    101 GET ws://localhost:8283/ws 0B 15 s")
		ctrlC()
		if err := <-ended; err != nil {
			t.Errorf("Ctrl-C ended it with %v", err)
		}
		c.printed(t, "11:00:00.900 server   INFO:     Application startup complete.",
			"11:00:00.400 proxy    101 GET ws://localhost:8283/ws 0B 15 s",
			"11:00:01.000 server   INFO  [alembic.runtime.migration] … 2 migrations")
	})
}

func TestLogsFollowBeforeAnythingRuns(t *testing.T) {
	c := newLogsCase(t)
	c.engine.containers = c.engine.containers[3:]
	synctest.Test(t, func(t *testing.T) {
		ctx, ctrlC := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.run(ctx, t, logsOptions{tail: 1, follow: true}) }()
		synctest.Wait()
		if !strings.Contains(c.talk.String(), "letta-dev up") {
			t.Errorf("it said %q", c.talk.String())
		}
		c.journal(t)
		time.Sleep(journalEvery)
		synctest.Wait()
		c.printed(t, "11:00:00.400 proxy    502 GET https://letta.localhost/v1/agents/ 1.234kB 35.0 ms · connection refused",
			"11:00:00.050 engine   letta-server start")
		ctrlC()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestLogsFollowWithoutAnEngine(t *testing.T) {
	c := newLogsCase(t)
	c.journal(t)
	c.engine = nil
	synctest.Test(t, func(t *testing.T) {
		ctx, ctrlC := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.run(ctx, t, logsOptions{tail: 1, follow: true}) }()
		synctest.Wait()
		ctrlC()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		c.printed(t, "11:00:00.400 proxy    502 GET https://letta.localhost/v1/agents/ 1.234kB 35.0 ms · connection refused")
	})
}

// Whoever reads the output may go away, as head does.
func TestLogsFollowEndsWithItsReader(t *testing.T) {
	c := newLogsCase(t)
	gone, w := io.Pipe()
	gone.Close()
	c.app.stdout = w
	synctest.Test(t, func(t *testing.T) {
		c.engine.live = make(chan orchestrator.LogLine)
		if err := c.run(t.Context(), t, logsOptions{tail: 1, follow: true}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("ended with %v", err)
		}
	})
}

func TestLogsWrongUsage(t *testing.T) {
	for args, want := range map[string]string{
		"--grep (a":              `--grep "(a": missing closing ) at character 3`,
		"--grep a)b":             `--grep "a)b": unexpected ) at character 2`,
		"--grep é[b":             `--grep "é[b": missing closing ] at character 2`,
		"--grep a**":             `--grep "a**": invalid nested repetition operator at character 2`,
		"--since soon":           `--since "soon" is no time: neither a duration such as 10m nor a time such as 2026-05-04T12:00:00Z`,
		"--until -5m":            `--until "-5m" is no time: neither a duration such as 10m nor a time such as 2026-05-04T12:00:00Z`,
		"--tail -1":              `--tail "-1" is neither a number of entries nor "all"`,
		"--tail some":            `--tail "some" is neither a number of entries nor "all"`,
		"-f --until 5m":          `--follow goes on until Ctrl-C; it does not go with --until`,
		"--since 5m --until 10m": `--until "10m" is before --since "5m"`,
		"server":                 `letta-dev logs takes no arguments, got "server"`,
	} {
		c := newLogsCase(t)
		c.app.ui = nil
		if code := run(t.Context(), c.app, append([]string{"logs"}, strings.Fields(args)...)); code != exitUsage {
			t.Errorf("%s: exit code %d", args, code)
		}
		if got, _, _ := strings.Cut(c.talk.String(), "\n"); got != "letta-dev: "+want {
			t.Errorf("%s: said %q, want %q", args, got, want)
		}
	}
}

func TestLogsTimes(t *testing.T) {
	for s, want := range map[string]time.Time{
		"":                            {},
		"10m":                         clockAt("11:50:00"),
		"0s":                          noon(),
		"2026-05-04T10:00:00Z":        clockAt("10:00:00"),
		"2026-05-04T10:00:00.5+02:00": clockAt("08:00:00.5"),
		"2026-05-04 10:00:00":         clockAt("10:00:00"),
		"2026-05-04T10:00:00":         clockAt("10:00:00"),
		"2026-05-04":                  clockAt("00:00:00"),
		"10:00:00.123":                clockAt("10:00:00.123"),
		"10:00":                       clockAt("10:00:00"),
	} {
		if got, err := parseWhen("--since", s, noon()); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v; want %v", s, got, err, want)
		}
	}
}

func TestLogsTailByDefault(t *testing.T) {
	for _, test := range []struct {
		tail, since, grep string
		want              int
	}{{"", "", "", 200}, {"", "1h", "", allEntries}, {"", "", "x", allEntries}, {"all", "", "", allEntries}, {"7", "1h", "", 7}, {"0", "", "", 0}} {
		var o logsOptions
		if err := o.read(test.tail, test.since, "", test.grep, noon()); err != nil || o.tail != test.want {
			t.Errorf("%+v: %d, %v", test, o.tail, err)
		}
	}
}

func TestLogsHelpShowsExamples(t *testing.T) {
	c := newLogsCase(t)
	if code := run(t.Context(), c.app, []string{"logs", "--help"}); code != exitDone || !strings.Contains(c.out.String(), "letta-dev logs -f") {
		t.Errorf("%d: %s", code, c.out.String())
	}
}

func TestJournalEntriesAsText(t *testing.T) {
	names := newNaming("")
	for want, e := range map[string]journalEntry{
		"letta-server die, exit code 137": {Event: &orchestrator.Happening{Name: "letta-server", Action: "die", ExitCode: 137}},
		"letta-server is healthy":         {Event: &orchestrator.Happening{Name: "letta-server", Action: "health_status", Health: "healthy"}},
		"db start":                        {Event: &orchestrator.Happening{Name: "db", Action: "start"}},
		"3 entries could not be written to the journal and are lost": {Lost: 3},
		"demo server ready sk-[hidden]":                              {Line: "demo server ready sk-abcdefghijkl"},
		"200 POST http://localhost:8283/v1/agents/ 0B 2.0 s":         {Access: &accessRecord{Status: 200, Method: "POST", Host: "localhost:8283", Path: "/v1/agents/", TotalMS: 2000}},
		"400 - - 0B 0.0 ms · malformed":                              {Access: &accessRecord{Status: 400, Cause: "malformed"}},
		"431 GET / 0B 0.0 ms":                                        {Access: &accessRecord{Status: 431, Method: "GET", Path: "/"}},
		"101 GET wss://letta.localhost:8282/ 0B 0.5 ms":              {Access: &accessRecord{Status: 101, Method: "GET", Host: "letta.localhost:8282", Path: "/", TotalMS: 0.5, TLS: true, WebSocket: true}},
	} {
		if got := names.entry(e).Text; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDatabasesByImage(t *testing.T) {
	for image, want := range map[string]bool{
		"postgres": true, "postgres:17": true, "ankane/pgvector:v0.5.1": true, "registry:5000/pgvector/pgvector:0.8.1-pg15": true,
		"bitnami/postgresql@sha256:00": true, "letta/letta:0.16.8": false, "postgres.example/app:1": false, "": false,
	} {
		if got := isDatabase(image); got != want {
			t.Errorf("%q: %v", image, got)
		}
	}
}

// FuzzPrintable holds the law of what reaches a terminal: text without a command in it, the same text where it had none before.
func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"plain é\t▶", "\x1b[2J", "\xff\x80", "\u202e\u2028\u0085", "a\rb", `back\slash "quote"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := printable(s)
		if strings.ContainsFunc(got, func(r rune) bool { return r != '\t' && commands(r) }) || strings.ToValidUTF8(got, "") != got {
			t.Errorf("%q came out as %q", s, got)
		}
		if again := printable(got); again != got {
			t.Errorf("%q came out as %q, and that as %q", s, got, again)
		}
		if len(got) == len(s) && got != s {
			t.Errorf("%q was changed to %q", s, got)
		}
	})
}

// FuzzJSONLines holds the law of --json: whatever a line holds, one line of valid JSON without a command in it.
func FuzzJSONLines(f *testing.F) {
	f.Add("plain", "server")
	f.Add("\x1b[2J\xff\u009b\u202e\n\x7f", "x\ny")
	f.Fuzz(func(t *testing.T, text, source string) {
		var out bytes.Buffer
		if err := (&logPrinter{out: &out, json: true}).print(logEntry{Time: noon(), Source: source, Text: text}); err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSuffix(out.String(), "\n")
		var e logEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil || strings.ContainsFunc(line, commands) {
			t.Fatalf("%q: %v", line, err)
		}
		if e.Text != string([]rune(text)) { // each byte that is not UTF-8 is a replacement character
			t.Errorf("%q came back as %q", text, e.Text)
		}
	})
}
