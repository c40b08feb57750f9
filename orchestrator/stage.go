package orchestrator

import (
	"regexp"
	"strings"
)

// The stages of a server that starts, as its log tells them.
const (
	StageContainer = "container" // there is none that runs yet
	StageBoot      = "boot"      // it runs and has said nothing known
	StageRedis     = "redis"
	StagePostgres  = "postgres"
	StageMigrate   = "migrate"
	StageServer    = "server" // migrated; the server itself loads
	StageReady     = "ready"  // it said that it started; its health check decides
)

// stageOf is the stage that a line of Letta's log begins; empty for all other lines. The marks are startup.sh's and uvicorn's of
// 0.16.8. "Server running at" is not one of them: it is printed before the port is open.
func stageOf(line string) string {
	switch {
	case strings.Contains(line, "starting internal Redis"):
		return StageRedis
	case strings.Contains(line, "starting internal PostgreSQL"), strings.Contains(line, "Waiting for PostgreSQL"):
		return StagePostgres
	case strings.Contains(line, "Attempting to migrate database"):
		return StageMigrate
	case strings.Contains(line, "Starting Letta Server at"), strings.Contains(line, "Starting Letta server at"):
		return StageServer
	case strings.Contains(line, "Application startup complete"):
		return StageReady
	}
	return ""
}

// Redact hides what Letta prints and nobody should see over a shoulder or in a pasted log: the password of SECURE mode, the
// password inside a database URL, and what has the form of a known provider's key or of a bearer token.
func Redact(line string) string {
	if i := strings.Index(line, "secure mode with password:"); i >= 0 {
		return line[:i] + "secure mode with password: [hidden]"
	}
	if strings.Contains(line, "://") {
		line = regexp.MustCompile(`(://[^\s:/@]+:)[^\s/@]+@`).ReplaceAllString(line, "${1}[hidden]@")
	}
	for _, form := range []string{"sk-", "gsk_", "xai-", "AIza", "AKIA", "Bearer "} { // OpenAI and Anthropic, Groq, xAI, Google, AWS
		if strings.Contains(line, form) {
			key := regexp.MustCompile(`(^|[^A-Za-z0-9])` + form + `[A-Za-z0-9._~+/=-]{8,}`)
			line = key.ReplaceAllString(line, "${1}"+form+"[hidden]")
		}
	}
	return line
}
