package proxy

import (
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// escapesPrefix reports whether a path leads out of the folder it begins in, to any server: one that decodes or does not, once or
// again, that takes \ for /, or that ends a name at a ";" or a control character or leaves those out. Where they differ, the
// names that lead down count least and those that lead up count most.
func escapesPrefix(path string) bool {
	if !strings.ContainsAny(path, ".%") {
		return false
	}
	depth, spelled := 0, overlong()
	for segment := range strings.SplitSeq(path, "/") {
		lowest, net := segmentDepth(spelled.Replace(http1.Unescape(segment)))
		if depth+lowest < 0 {
			return true
		}
		depth += net
	}
	return false
}

// segmentDepth tells how far up a segment of a path segmentDepth at its lowest point and at its end, to the server to which that is furthest.
func segmentDepth(segment string) (lowest, net int) {
	inName := false // to a server that does not see what divides it, one name
	for piece := range strings.FieldsFuncSeq(segment, isSlash) {
		switch {
		case readsAs(piece, ".."):
			net--
			inName = false
		case !inName && !readsAs(piece, ".") && !readsAs(piece, ""):
			net++
			inName = true
		}
		lowest = min(lowest, net)
	}
	switch { // to a server that sees none of it
	case readsAs(segment, ".."):
		net = min(net, -1)
	case readsAs(segment, "."), readsAs(segment, ""):
		net = min(net, 0)
	}
	return min(lowest, net), net
}

func isSlash(c rune) bool { return c == '/' || c == '\\' }

// overlong are other spellings in UTF-8, which it forbids (RFC 3629, section 3), and some decode.
func overlong() *strings.Replacer {
	return strings.NewReplacer("\xc0\xae", ".", "\xc0\xaf", "/", "\xc1\x9c", "/", "\xe0\x80\xae", ".", "\xe0\x80\xaf", "/", "\xe0\x81\x9c", "/",
		"\xf0\x80\x80\xae", ".", "\xf0\x80\x80\xaf", "/", "\xf0\x80\x81\x9c", "/")
}

// readsAs reports whether a server may take a name for another.
func readsAs(name, other string) bool {
	if name == other {
		return true
	}
	end := strings.IndexFunc(name, endsName)
	return end >= 0 && name[:end] == other || strings.Map(visible, name) == other
}

func endsName(c rune) bool { return c <= ' ' || c == 0x7f || c == ';' || c == '?' || c == '#' }

func visible(c rune) rune {
	if c <= ' ' || c == 0x7f {
		return -1
	}
	return c
}
