package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"unicode"
)

// self is how this program is called from where the person stands: by its name where their PATH finds it, else by its path.
func (a *app) self() string {
	const name = "letta-dev"
	if found, err := exec.LookPath(name); err == nil && isFile(found, a.exe) {
		return name
	}
	if rel, err := filepath.Rel(a.dir, a.exe); err == nil && !strings.HasPrefix(rel, "..") {
		return "." + string(filepath.Separator) + rel
	}
	return a.exe
}

func isFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// asTyped writes a command of ours as it has to be typed here.
func (a *app) asTyped(command string) string {
	words := strings.Split(command, "letta-dev ")
	for i, before := range words[:len(words)-1] {
		if before == "" || strings.HasSuffix(before, " ") || strings.HasSuffix(before, "`") {
			words[i] += a.self() + " "
		} else {
			words[i] += "letta-dev "
		}
	}
	return strings.Join(words, "")
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
