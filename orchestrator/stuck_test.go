package orchestrator

import (
	"slices"
	"strings"
	"testing"
)

// watched feeds a log to a watch. In it (wait N) stands for N rounds of startup.sh's waiting.
func watched(log string) (cause string) {
	var w postgresWatch
	for line := range strings.Lines(log) {
		line = strings.TrimSuffix(line, "\n")
		waits := slices.Index([]string{"", "(wait 1)", "(wait 2)", "(wait 3)", "(wait 4)", "(wait 5)", "(wait 6)"}, line)
		for range waits {
			w.add("localhost:5432 - no response")
			if because, _ := w.add("Waiting for PostgreSQL to be ready..."); because != "" {
				cause = because
			}
		}
		if waits < 0 {
			w.add(line)
		}
	}
	return cause
}

const (
	startsPostgres = "No external Postgres configuration detected, starting internal PostgreSQL...\n"
	initdbBegins   = `The files belonging to this database system will be owned by user "postgres".
This user must also own the server process.
The default text search configuration will be set to "english".
Data page checksums are disabled.
fixing permissions on existing directory /var/lib/postgresql/data ... ok
creating subdirectories ... ok
`
)

// The logs of letta/letta:0.16.8 whose Postgres cannot start while its container runs on.
func TestStuckPostgres(t *testing.T) {
	for log, want := range map[string]string{
		"initdb: error: directory \"/var/lib/postgresql/data\" exists but is not empty\ninitdb: detail: It contains a lost+found directory, perhaps due to it being a mount point.\n" + initdbBegins + "(wait 3)": "not a database",
		initdbBegins + "(wait 1)\n100\ncreating configuration files ... ok\n2026-12-01 03:15:58.270 UTC [34] FATAL:  could not write to file \"pg_wal/xlogtemp.34\": No space left on device\n" +
			"child process exited with exit code 1\ninitdb: removing contents of data directory \"/var/lib/postgresql/data\"\nrunning bootstrap script ... localhost:5432 - no response\n(wait 3)": "disk is full",
		"2026-12-01 03:40:23.066 UTC [15] FATAL:  database files are incompatible with server\n2026-12-01 03:40:23.066 UTC [15] DETAIL:  The data directory was initialized by PostgreSQL version 14\n(wait 3)": "another major version",
		"postgres: could not find the database system\nExpected to find it in the directory \"/var/lib/postgresql/data\",\nbut could not open file\n(wait 3)":                                                   "part of a database",
		"postgres: could not access the server configuration file \"/var/lib/postgresql/data/postgresql.conf\": No such file or directory\n(wait 3)":                                                            "part of a database",
		"chown: changing ownership of '/var/lib/postgresql/data': Read-only file system\n(wait 3)":                                                                                                              "only be read",
		"chown: changing ownership of '/var/lib/postgresql/data': Operation not permitted\n(wait 3)":                                                                                                            "may not own",
		"chmod: changing permissions of '/var/lib/postgresql/data': Operation not permitted\n(wait 5)":                                                                                                          "chmod: changing permissions",
		// and those of no known cause, in their own words
		"initdb: could not look up effective user ID 1000: user does not exist\n(wait 5)":                                                       "effective user ID 1000",
		"/usr/local/bin/docker-entrypoint.sh: line 10: POSTGRES_PASSWORD: must be set\n(wait 5)":                                                "must be set",
		"[15] FATAL:  configuration file \"/x/postgresql.conf\" contains errors\n[15] LOG:  database system is shut down\n(wait 5)":             "contains errors",
		"[15] PANIC:  could not read\x1b[2J file\n[15] LOG:  startup process was terminated\n[15] LOG:  database system is shut down\n(wait 5)": "could not read[2J file",
	} {
		if cause := watched(startsPostgres + log); !strings.Contains(cause, want) {
			t.Errorf("%s\n\tis diagnosed as %q, want %q", log, cause, want)
		}
	}
}

// What a server lives with is no cause, however long its Postgres takes.
func TestPostgresThatTakesItsTime(t *testing.T) {
	rejects := strings.Repeat("localhost:5432 - rejecting connections\nWaiting for PostgreSQL to be ready...\n", 20)
	for name, log := range map[string]string{
		"a good boot":                      firstBoot,
		"slow":                             startsPostgres + "(wait 6)\n(wait 6)\n(wait 6)",
		"a first start that is slow":       startsPostgres + initdbBegins + "running bootstrap script ... localhost:5432 - no response\n(wait 6)\n(wait 6)\n(wait 6)\nok\n(wait 6)",
		"a mode that may not be set":       startsPostgres + "chmod: changing permissions of '/var/lib/postgresql/data': Operation not permitted\n" + initdbBegins + "(wait 6)\n(wait 6)",
		"just begun":                       startsPostgres + "[34] FATAL:  could not write: No space left on device\n(wait 2)",
		"a warning":                        startsPostgres + "initdb: warning: enabling \"trust\" authentication for local connections\n(wait 6)\n(wait 6)",
		"recovers":                         startsPostgres + "[16] LOG:  database system was interrupted\n[17] FATAL:  the database system is starting up\n" + rejects,
		"recovers on a disk that was full": startsPostgres + "[16] LOG:  could not write temporary statistics: No space left on device\n" + rejects,
		"its first server stops":           startsPostgres + initdbBegins + "[16] FATAL:  terminating connection due to administrator command\n[16] FATAL:  the database system is shutting down\n(wait 6)",
		"a client that is refused":         startsPostgres + "[16] FATAL:  role \"x\" does not exist\n(wait 6)",
		"before Postgres":                  "redis: No space left on device\n" + startsPostgres + "(wait 6)",
		"after it answered":                startsPostgres + "[34] LOG:  No space left on device\nlocalhost:5432 - accepting connections\n(wait 6)",
		"another server's":                 "No space left on device\n(wait 6)",
	} {
		if cause := watched(log); cause != "" {
			t.Errorf("%s: diagnosed as %q", name, cause)
		}
	}
}

// A server that is stuck is stopped, without the grace it has no use for, and started.
func TestDiffOfAStuckServer(t *testing.T) {
	w := stack(nil)
	have := standing(w)
	have.Containers[1].Stuck = "the engine's disk is full"
	p := mustDiff(t, w, have)
	want := "stop container letta-server\nwait for container p-db-1\nstart container letta-server\nwait for container letta-server"
	if got := words(p); got != want || !strings.Contains(p.String(), "because the Postgres inside it does not run: the engine's disk is full") || p.Steps[0].Database || p.Steps[0].Grace != stuckGrace {
		t.Errorf("plan:\n%s\nwant:\n%s", p, want)
	}
	if !reaches(p, 2, 0) {
		t.Error("it is started before it is stopped")
	}
}

// FuzzPostgresWatch: whatever a log holds, a cause comes only after as much waiting as it takes, and none after an answer.
func FuzzPostgresWatch(f *testing.F) {
	f.Add("initdb: error: x\n[1] FATAL:  y\n")
	f.Add("No space left on device")
	f.Fuzz(func(t *testing.T, log string) {
		var w postgresWatch
		w.add(strings.TrimSpace(startsPostgres))
		since := 0
		for line := range strings.Lines(log + "\n" + strings.Repeat("Waiting for PostgreSQL to be ready...\n", unknownWaits+1) + "localhost:5432 - accepting connections\n") {
			line = strings.TrimSuffix(line, "\n")
			cause, _ := w.add(line)
			if isWaiting(line) {
				since++
			} else if cause != "" {
				t.Fatalf("%q is why it does not start: %q", line, cause)
			}
			if cause != "" && since < knownWaits {
				t.Fatalf("after %d waits it does not start, because %q", since, cause)
			}
		}
		if cause, _ := w.verdict(); cause != "" {
			t.Fatalf("it answers, and does not start: %q", cause)
		}
	})
}
