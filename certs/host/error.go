package host

import "strings"

// An Error is a failure that a person can act on. It is the error type of all packages under certs.
type Error struct {
	Doing  string // what was being done, such as "read the intermediate's key"
	Path   string // the file or folder concerned, or empty
	Err    error  // the cause
	Advice string // what to type next, or empty
	Usage  bool   // a name in the request is invalid, whatever the state of the machine
}

// Error says what was being done, with which file, and the cause.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, part := range []string{e.Doing, e.Path, e.Err.Error()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to type next, or "".
func (e *Error) Hint() string { return e.Advice }

// Quote quotes a word for a POSIX shell where it needs quotes.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@%", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
