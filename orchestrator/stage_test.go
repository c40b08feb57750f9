package orchestrator

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// The log of a first boot of letta/letta:0.16.8, shortened.
const firstBoot = `No external Redis configuration detected, starting internal Redis...
Using internal Redis at: localhost
No external Postgres configuration detected, starting internal PostgreSQL...
localhost:5432 - no response
Waiting for PostgreSQL to be ready...
2026-11-23 05:00:00.000 UTC [30] LOG:  database system is ready to accept connections
localhost:5432 - accepting connections
Attempting to migrate database...
INFO  [alembic.runtime.migration] Running upgrade  -> 9a505cc7eca9, Create a baseline migrations
Database migration completed successfully.
Starting Letta Server at http://0.0.0.0:8283...
[[ Letta server // v0.16.8 ]]
▶ Server running at: http://0.0.0.0:8283
INFO:     Waiting for application startup.
INFO:     Application startup complete.`

func TestStages(t *testing.T) {
	var stages []string
	for line := range strings.SplitSeq(firstBoot, "\n") {
		if s := stageOf(line); s != "" && (len(stages) == 0 || stages[len(stages)-1] != s) {
			stages = append(stages, s)
		}
	}
	if want := []string{StageRedis, StagePostgres, StageMigrate, StageServer, StageReady}; !slices.Equal(stages, want) {
		t.Errorf("stages %v, want %v", stages, want)
	}
}

func TestRedact(t *testing.T) {
	for line, want := range map[string]string{
		"▶ Using secure mode with password: hunter2":                            "▶ Using secure mode with password: [hidden]",
		"Using internal PostgreSQL at: postgresql://letta:letta@localhost:5432": "Using internal PostgreSQL at: postgresql://letta:[hidden]@localhost:5432",
		"error: key sk-proj-abcdefgh12345 is wrong":                             "error: key sk-[hidden] is wrong",
		"Authorization: Bearer abcdefgh.12345":                                  "Authorization: Bearer [hidden]",
		"key=AIzaSyA1234567890, gsk_abcdefgh1":                                  "key=AIza[hidden], gsk_[hidden]",
		"the task-list of a desk-clerk":                                         "the task-list of a desk-clerk",
		"see https://docs.letta.com/a:b@c":                                      "see https://docs.letta.com/a:b@c",
		"plain":                                                                 "plain",
	} {
		if got := Redact(line); got != want {
			t.Errorf("Redact(%q) = %q, want %q", line, got, want)
		}
	}
}

func TestDiagnose(t *testing.T) {
	for log, want := range map[string]string{
		"initdb: error: could not create directory: No space left on device\nERROR: Database migration failed!":                        "disk is full",
		"FATAL:  database files are incompatible with server\nDETAIL: The data directory was initialized by PostgreSQL version 14":     "another major version",
		"pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\nredis_port\n  Input should be a valid integer": "LETTA_REDIS_PORT",
		"    assert model_settings.azure_api_version\nAssertionError":                                                                  "AZURE_API_VERSION",
		"chmod: cannot access '/x': No such file\nLETTA_SANDBOX_MOUNT_PATH is set":                                                     "LETTA_SANDBOX_MOUNT_PATH",
		"sqlalchemy.exc.OperationalError: password authentication failed for user \"letta\"":                                           "refused the user",
		"NotImplementedError: WS suppport deprecated":                                                                                  "does not work in this image",
		"ERROR: Database migration failed!":                                                                                            "schema",
	} {
		cause, advice := diagnose(log, StageServer)
		if !strings.Contains(cause, want) || advice == "" {
			t.Errorf("diagnose(%.60q) = %q, %q; want %q", log, cause, advice, want)
		}
	}
	if cause, _ := diagnose(firstBoot, StageServer); cause != "" {
		t.Errorf("a good boot is diagnosed as %q", cause)
	}
	if cause, _ := diagnose("httpx.ConnectError: [Errno -2] Name or service not known", StageReady); cause != "" {
		t.Errorf("what a server that was ready complained of ended it: %q", cause)
	}
	if cause, _ := diagnose("PANIC:  could not write to file: No space left on device", StageReady); !strings.Contains(cause, "disk is full") {
		t.Errorf("a server that was ready, on a full disk: %q", cause)
	}
}

// The stages of a server that was starting before anybody looked took as long as its log says, and not as long as that was read.
func TestStagesTakeWhatTheLogSays(t *testing.T) {
	began := time.Now().Add(-time.Minute)
	var took []time.Duration
	f := &Follower{changed: make(chan struct{}), stageAt: stamped(began), state: State{Phase: PhaseStarting, Stage: StageBoot},
		report: func(e Event) { took = append(took, e.Elapsed) }}
	f.stage(StagePostgres, stamped(began.Add(time.Second)))
	f.stage(StageMigrate, stamped(began.Add(3*time.Second)))
	f.stage(StageServer, stamped(began.Add(time.Second))) // a clock that was put back
	if !slices.Equal(took, []time.Duration{time.Second, 2 * time.Second, 0}) {
		t.Errorf("%v", took)
	}
	for _, stamp := range []time.Time{{}, time.Now().Truncate(time.Second), time.Now().Add(time.Hour)} {
		if age := time.Since(stamped(stamp)); age < 0 || age > time.Second {
			t.Errorf("what came now with the stamp %v is %v old", stamp, age)
		}
	}
}

// A server that somebody stopped is started again; one that fell is looked into.
func TestHintOfAStoppedServer(t *testing.T) {
	for want, died := range map[string]*DiedError{
		"letta-dev up  # starts it again":                                               {Stage: StageReady},
		"letta-dev up --progress plain  # shows the server's whole log while it starts": {Stage: StageReady, ExitCode: 1},
	} {
		if got := died.Hint(); got != want {
			t.Errorf("exit code %d: %q", died.ExitCode, got)
		}
	}
	if got := (&DiedError{Stage: StageServer}).Hint(); !strings.Contains(got, "--progress plain") {
		t.Errorf("at stage server: %q", got)
	}
}
