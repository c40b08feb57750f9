package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"unicode"

	"github.com/letta-dev/letta-dev/compose"
)

// self is how this program is called from where the person stands: by its name where their PATH finds it, else by its path, from here where
// it is below, else as short as it can be said.
func (a *app) self() string {
	const name = "letta-dev"
	if a.exe == "" { // nobody knows where it is
		return name
	}
	if found, err := exec.LookPath(name); err == nil && isFile(found, a.exe) {
		return name
	}
	shortest := quoted(a.exe)
	rel, err := filepath.Rel(a.dir, a.exe)
	if err == nil && !strings.HasPrefix(rel, "..") {
		return quoted("." + string(filepath.Separator) + rel)
	}
	shorter := func(path string) {
		if len(path) < len(shortest) && quoted(path) == path {
			shortest = path
		}
	}
	if err == nil {
		shorter(rel)
	}
	if home := a.home(); a.dir != "" && home != "" && runtime.GOOS != "windows" {
		if below, found := strings.CutPrefix(a.exe, filepath.Clean(home)+"/"); found && quoted(below) == below {
			shorter("~/" + below)
		}
	}
	return shortest
}

func isFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// about is this program as somebody calls it here for commands on that project: --project is given only where a bare command would be
// about another.
func (a *app) about(ctx context.Context, project string) *app {
	bare := *a
	bare.global.project = ""
	if name, err := bare.projectName(ctx); err != nil || name != project {
		bare.global.project = project
	}
	return &bare
}

// The commands that advice may hold, by whether they are about a project.
const (
	projectCommands = "up|down|status|logs|env|run|proxy"
	otherCommands   = "certs|version|help|completion"
)

// asTyped writes the commands of ours in a text as they have to be typed here. A command is our name with a command's name or a flag
// behind it; our name alone is the program, in a sentence, and behind --project it is a project's. A command on a project gets the
// --project that this one was given: without it, it would be about another.
func (a *app) asTyped(text string) string {
	command := regexp.MustCompile("--project[ =]\\S+|(^|[\\s`(])letta-dev( (?:--|(?:(" + projectCommands + ")|" + otherCommands + ")\\b))")
	self, written := "", 0
	var out strings.Builder
	for _, at := range command.FindAllStringSubmatchIndex(text, -1) {
		if at[2] < 0 { // a project's name
			continue
		}
		if self == "" {
			self = a.self()
		}
		out.WriteString(text[written:at[3]] + self + text[at[4]:at[5]])
		if written = at[5]; at[6] >= 0 {
			out.WriteString(a.sameProject(text[written:]))
		}
	}
	return out.String() + text[written:]
}

// sameProject is the --project that a command needs to be about this one's project; rest is what stands behind its name. One that
// speaks of a project already, or asks for help, needs none.
func (a *app) sameProject(rest string) string {
	if end := strings.IndexAny(rest, "`;&|()\n"); end >= 0 {
		rest = rest[:end]
	}
	rest, _, _ = strings.Cut(rest, " letta-dev ")
	if strings.Contains(rest, "--project") || strings.Contains(rest, "--help") || compose.CheckName(a.global.project) != nil {
		return ""
	}
	return " --project " + a.global.project
}

// quoted is a word as a POSIX shell has to be given it.
func quoted(word string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-+:@%,=", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
