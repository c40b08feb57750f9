package http1

import (
	"iter"
	"slices"
	"strings"
)

// A Field is one header line: a name as it was written, and a value without the
// blanks around it.
type Field struct{ Name, Value string }

// Is reports whether a field has that name, in whatever case.
func (f Field) Is(name string) bool { return equalFold(f.Name, name) }

// Fields are header lines in the order they came. Names compare without regard to
// case (RFC 9110, section 5.1).
type Fields []Field

// Get returns the value of the first line with that name, or "".
func (f Fields) Get(name string) string {
	for i := range f {
		if f[i].Is(name) {
			return f[i].Value
		}
	}
	return ""
}

// Values yields the values of all lines with that name.
func (f Fields) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range f {
			if f[i].Is(name) && !yield(f[i].Value) {
				return
			}
		}
	}
}

// Count returns how many lines have that name.
func (f Fields) Count(name string) int {
	n := 0
	for range f.Values(name) {
		n++
	}
	return n
}

// Tokens yields the members of a comma-separated list, over all lines with that
// name, without the empty ones (RFC 9110, section 5.6.1).
func (f Fields) Tokens(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for value := range f.Values(name) {
			for part := range strings.SplitSeq(value, ",") {
				if part = trimBlanks(part); part != "" && !yield(part) {
					return
				}
			}
		}
	}
}

// HasToken reports whether a list has a member, without regard to case.
func (f Fields) HasToken(name, token string) bool {
	for t := range f.Tokens(name) {
		if equalFold(t, token) {
			return true
		}
	}
	return false
}

// Set replaces all lines of that name by one, at the end.
func (f *Fields) Set(name, value string) {
	f.Del(name)
	*f = append(*f, Field{name, value})
}

// Del removes all lines with that name.
func (f *Fields) Del(name string) {
	*f = slices.DeleteFunc(*f, func(l Field) bool { return l.Is(name) })
}

// equalFold compares ASCII without regard to case; no other letters can stand in
// a name.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// trimBlanks removes optional white space: spaces and tabs (RFC 9110, section
// 5.6.3), nothing else.
func trimBlanks(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// IsToken reports whether s can be a method or the name of a field (RFC 9110, section
// 5.6.2).
func IsToken(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c > ' ' && c < 0x7f && strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// isValue: RFC 9110, section 5.5, bytes beyond ASCII included. NUL, CR and LF end
// lines for some parser, the other controls are nobody's text.
func isValue(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
