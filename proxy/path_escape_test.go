package proxy

import (
	"net/url"
	"strings"
	"testing"
)

func TestClimbs(t *testing.T) {
	for _, path := range []string{
		"..", "../x", "a/../../b", "%2e%2E/", "a%2f..%2f..", `..\`, "./..", "a/./../..", "a//../..",
		"..;", "..;/y", "..;a=b/..", "a/..;/..", "..%3b/y", "..%3Bx", "%2e%2e;/", ".;/..", ";x/..", // Tomcat's parameters
		"%252e%252e/", "%25252e.", ".%25%32%65/", "%2%65./", "..%252f", "..%255c",
		"..%00/", "..%00x", ".%00./", ".%09./", "..%20/", "%0a../", "a/..%00/../..",
		"..%3f", "..%23x", "%c0%ae%c0%ae/", "..%c0%afx", "..%c1%9c",
		"x%2fy/../../z", "x%5cy/../../z", `x\y/../../z`, "x%252fy/../../z", "%2f/..", "%00/..",
		"%e0%80%ae%e0%80%ae/x", "%f0%80%80%ae%f0%80%80%ae/x", `%20\0/..`, `b/..;\a/..`, `b/..%00%5ca/..`, `.;\a/..`,
	} {
		if !escapesPrefix(path) {
			t.Errorf("%q does not climb", path)
		}
	}
	for _, path := range []string{
		"", "a", "a/..", "a/../b", "...", "..a/.b/a..", "a/b/../..", "a.b/c..d", "a;v=1/..", "v1.0/x%2fy", "x%2fy/..", "%2e", "./.", "a%2f..", "%", "%zz../", "a..;b",
		"caf%c3%a9/..", "%25", "100%25/..", "a%20b/..", "..=",
	} {
		if escapesPrefix(path) {
			t.Errorf("%q climbs", path)
		}
	}
}

// What a route sends to its server lies below the server's base, in whatever way that server reads.
func FuzzClimbs(f *testing.F) {
	for _, s := range []string{
		"a/../../b", "%2e%2E/", "a%2f..%2f..", `..\`, "./..", "a/./../..", "...", "%252e%252e/", "..;/y", "..;a=b/..", "%3b", "/..%00", "x%2fy/../../z",
		"a%5cb%2f..%2f..", ".%09.", "..%3f/..", "%2;e", ";%2e%2e/..",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if escapesPrefix(s) || len(s) > 1000 {
			return
		}
		for _, r := range readers() {
			if lowest(r, s) < 0 {
				t.Fatalf("%q leads out: %+v", s, r)
			}
		}
	})
}

// A reader is a lenient server.
type reader struct {
	decodes          int // so often
	backslash        bool
	parameters       bool // a name ends at ";"
	endings, without string
}

func readers() (all []reader) {
	const controls = "\x00\t\n\r "
	for decodes := range 4 {
		for i := range 16 {
			r := reader{decodes: decodes, backslash: i&1 > 0, parameters: i&2 > 0}
			switch i >> 2 {
			case 1:
				r.endings = controls
			case 2:
				r.endings = controls + "?#"
			case 3:
				r.without = controls
			}
			all = append(all, r)
		}
	}
	return all
}

// lowest is how deep a path leads at its lowest point.
func lowest(r reader, path string) (least int) {
	for range r.decodes {
		path = decoded(path)
	}
	if r.backslash {
		path = strings.ReplaceAll(path, `\`, "/")
	}
	depth := 0
	for name := range strings.SplitSeq(path, "/") {
		if i := strings.IndexByte(name, ';'); i >= 0 && r.parameters {
			name = name[:i]
		}
		if i := strings.IndexAny(name, r.endings); i >= 0 {
			name = name[:i]
		}
		for _, c := range r.without {
			name = strings.ReplaceAll(name, string(c), "")
		}
		switch name {
		case "..":
			depth--
		case "", ".":
		default:
			depth++
		}
		least = min(least, depth)
	}
	return least
}

// decoded forgives what is not encoded.
func decoded(s string) string {
	var b strings.Builder
	for s != "" {
		if plain, err := url.PathUnescape(s[:min(3, len(s))]); err == nil && s[0] == '%' {
			b.WriteString(plain)
			s = s[3:]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}
