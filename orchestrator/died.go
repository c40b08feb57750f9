package orchestrator

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// DiedError says that a container ended when it should have run.
type DiedError struct {
	Container string
	Stage     string // the last one it reached: postgres, migrate, server; empty of a container that is not the server's
	ExitCode  int
	OOMKilled bool
	Restarts  int      // how often its restart policy starts it again, this time included; 0 when it does not
	Cause     string   // from the catalogue; empty when the log holds nothing known
	Advice    string   // the command that helps against Cause
	Lines     []string // the last of its log, redacted
}

// Error is exit code, stage and cause in the first line, and then the last lines of the log.
func (e *DiedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "container %q ended with exit code %d", e.Container, e.ExitCode)
	if e.Stage != "" {
		b.WriteString(" at stage " + e.Stage)
	}
	switch {
	case e.Restarts == 1:
		b.WriteString(", and its restart policy starts it again")
	case e.Restarts > 1:
		b.WriteString(", not for the first time: its restart policy starts it again and again")
	}
	if e.OOMKilled {
		b.WriteString(": the kernel killed it for want of memory")
	}
	if e.Cause != "" {
		b.WriteString(": " + e.Cause)
	}
	return b.String() + quoted(e.Lines)
}

// quoted is the end of a log as an error shows it.
func quoted(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return fmt.Sprintf("\nthe last %d lines of its log:\n  ", len(lines)) + strings.Join(lines, "\n  ")
}

// Hint is the catalogue's advice, or how to see the whole log.
func (e *DiedError) Hint() string {
	if e.Advice != "" {
		return e.Advice
	}
	if e.OOMKilled {
		return "docker info --format '{{.MemTotal}}'  # Letta wants about 1 GiB; give the engine more, or stop other containers"
	}
	if e.Stage == StageReady && e.ExitCode == 0 { // somebody stopped it, and its log has nothing to tell
		return "letta-dev up  # starts it again"
	}
	return "letta-dev up --progress plain  # shows the server's whole log while it starts"
}

// SlowError says that the server runs and has not become ready in the time given. It was left running.
type SlowError struct {
	Container string
	Stage     string
	After     time.Duration
}

// Error says how long was waited and which stage was reached.
func (e *SlowError) Error() string {
	return fmt.Sprintf("%s runs and has not answered its health check after %s; it is at stage %s", e.Container, e.After.Round(time.Second), e.Stage)
}

// Hint shows what the server is doing.
func (e *SlowError) Hint() string { return "letta-dev logs -f" }

// known is one entry of the catalogue of failures: what the log says, what that means, what helps.
type known struct {
	log    *regexp.Regexp
	cause  string
	advice string

	postgres bool // the Postgres inside the server's container ends of it, and the container does not
	always   bool // a server that was ready ends of it, too
}

// catalogue holds the failures of a starting Letta server whose log lines are known, the most telling first: one failure often
// prints the lines of another after its own. The lines are those of letta/letta:0.16.8 and of the Postgres and Redis inside it.
func catalogue() []known {
	ofPostgres := func(log, cause, advice string) known {
		return known{log: regexp.MustCompile(log), cause: cause, advice: advice, postgres: true}
	}
	of := func(log, cause, advice string) known {
		return known{log: regexp.MustCompile(log), cause: cause, advice: advice}
	}
	full := ofPostgres(`No space left on device`, "the engine's disk is full, or the data volume", "docker system df  # remove what you no longer need, then: letta-dev up")
	full.always = true
	return []known{
		full,
		ofPostgres(`database files are incompatible with server|The data directory was initialized by PostgreSQL version`,
			"the data volume was made by another major version of Postgres", "letta-dev up --project mine  # a new database; the old one stays for the version that made it"),
		ofPostgres(`initdb: error: directory "[^"]*" exists but is not empty`,
			"the data volume holds something that is not a database", "letta-dev up --project mine  # a new volume; the old one stays"),
		ofPostgres(`could not access the server configuration file|could not find the database system|could not locate a valid checkpoint record`,
			"the data volume holds a part of a database only", "letta-dev up --project mine  # a new volume; the old one stays"),
		ofPostgres(`[Oo]peration not permitted.*/var/lib/postgresql|/var/lib/postgresql.*(Operation not permitted|Permission denied)|data directory "[^"]*" has (wrong ownership|group or world access|invalid permissions)`,
			"Postgres may not own its data folder, as with a folder of Windows or a network share", "use a named volume instead of a bind mount"),
		ofPostgres(`/var/lib/postgresql.*Read-only file system`, "the data folder can only be read", "take `:ro` or `read_only` from the volume in the compose file, then: letta-dev up"),
		ofPostgres(`lock file "postmaster.pid" (already exists|is empty)`, "another Postgres uses the data volume", "docker ps  # stop the container that does, then: letta-dev up"),
		of(`LETTA_SANDBOX_MOUNT_PATH`, "LETTA_SANDBOX_MOUNT_PATH names a folder that is not in the container",
			"take LETTA_SANDBOX_MOUNT_PATH out of .env, then: letta-dev up"),
		of(`(?s)ValidationError.*redis_port|redis_port.*[Ii]nput should be a valid integer`, "LETTA_REDIS_PORT is not a number",
			"correct LETTA_REDIS_PORT in .env, then: letta-dev up"),
		of(`assert model_settings\.azure_api_version`, "AZURE_API_VERSION is empty while other AZURE_ variables are set",
			"set AZURE_API_VERSION in .env, then: letta-dev up"),
		of(`validation error.* for (Settings|ModelSettings|ToolSettings)`, "a variable has a value the server cannot read",
			"correct it in .env (the log lines name it), then: letta-dev up"),
		of(`password authentication failed for user`, "the database refused the user or password of LETTA_PG_URI",
			"correct LETTA_PG_URI in .env, then: letta-dev up"),
		of(`extension "vector" is not available|could not open extension control file.*vector`, "the database has no pgvector",
			"use a Postgres with pgvector, such as the pgvector/pgvector:0.8.1-pg15 image"),
		of(`could not translate host name|Name or service not known|Temporary failure in name resolution`,
			"a host name in the configuration (LETTA_PG_URI, LETTA_REDIS_HOST) does not resolve inside the container",
			"from a container this machine is host.docker.internal; correct .env, then: letta-dev up"),
		of(`[Cc]onnection refused.*5432|port 5432 failed|InterfaceError.*5432`, "the database does not answer",
			"start the database that LETTA_PG_URI names, then: letta-dev up"),
		of(`NotImplementedError: WS sup+ort deprecated`, "`--type websocket` does not work in this image; port 8282 has letta-dev's own bridge",
			"take the command out of the compose file, then: letta-dev up"),
		of(`ERROR: Database migration failed`, "the database could not be brought to this version's schema",
			"letta-dev up --progress plain  # the log lines above the failure say why"),
	}
}

// diagnose finds the cause of a failure in the log of a server that had come to a stage. One that was ready has lived with what else
// its log complains of, such as a model's host that did not resolve.
func diagnose(log, stage string) (cause, advice string) {
	for _, k := range catalogue() {
		if (k.always || stage != StageReady) && k.log.MatchString(log) {
			return k.cause, k.advice
		}
	}
	return "", ""
}

const (
	lastLines    = 20  // of the log, shown with a death
	searchedTail = 400 // lines of the log the catalogue looks at

	logTime = 10 * time.Second // for an engine to give them
)

// isRestarting says that a container is between two runs, which engines call running.
func isRestarting(c Container) bool { return c.Status == "restarting" }

// deathOf tells how a container ended: its stage, its cause where that is a known one, the last of its log.
func deathOf(ctx context.Context, e Engine, c Container, stage string) *DiedError {
	d := &DiedError{Container: c.Name, Stage: stage, ExitCode: c.ExitCode, OOMKilled: c.OOMKilled}
	if isRestarting(c) {
		d.Restarts = c.Restarts
	}
	lines := lastWords(ctx, e, c)
	d.Cause, d.Advice = diagnose(strings.Join(lines, "\n"), stage)
	d.Lines = lines[max(0, len(lines)-lastLines):]
	return d
}

// lastWords is the end of what a container has said in its last run. A log that cannot be read leaves an error as it is: the exit
// code and the stage are known.
func lastWords(ctx context.Context, e Engine, c Container) (lines []string) {
	ctx, cancel := context.WithTimeout(ctx, logTime)
	defer cancel()
	_ = e.Logs(ctx, c.ID, LogOptions{Tail: searchedTail, Since: firstWords(c)}, func(l LogLine) {
		lines = append(lines, Redact(l.Text))
	})
	return lines
}

// firstWords is where the log of a run begins. The engine notes a start after the process began, so one that fails at once has said
// why before it. What the run before said is none of it: an engine has the end of that one only while the container runs. Of one
// that has ended it has this run's own end, which a process that fails at once may come to before its start is noted.
func firstWords(c Container) time.Time {
	begin := c.StartedAt.Add(-time.Second)
	if c.Running && !isRestarting(c) && c.FinishedAt.After(begin) && c.FinishedAt.Before(c.StartedAt) {
		return c.FinishedAt
	}
	return begin
}
