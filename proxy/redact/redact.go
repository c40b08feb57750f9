// Package redact hides the secrets that stand in URLs and in header fields, so that these can be shown: in a log, in an error, in
// a table. It knows them by the names they stand behind, and would rather hide too much.
package redact

import (
	"strings"

	"github.com/letta-dev/letta-dev/proxy/http1"
)

// URL is a URL, or the target of a request, with *** in the place of its user information and of the values of parameters that
// look like secrets, without its fragment. Whatever else is malformed stays as it is.
func URL(s string) string {
	if !strings.HasPrefix(s, "/") {
		scheme, rest, ok := strings.Cut(s, "://")
		if !ok {
			scheme, rest = "", s
		} else {
			scheme += "://"
		}
		s = scheme + withoutUser(rest)
	}
	s, _, _ = strings.Cut(s, "#")
	if !strings.ContainsAny(s, "=%") {
		return s
	}
	path, query, queried := strings.Cut(s, "?")
	var b strings.Builder
	b.Grow(len(s) + len("***"))
	split(&b, path, "/", hide)
	if queried {
		b.WriteByte('?')
		split(&b, query, "&", hide)
	}
	return b.String()
}

// withoutUser hides what stands before the host (RFC 3986, section 3.2.1). In a password somebody may have forgotten to escape
// what ends an authority: then what looks like a port is none.
func withoutUser(rest string) string {
	end := strings.IndexAny(rest+"/", "/?#")
	at := strings.LastIndexByte(rest[:end], '@')
	if _, port, _ := strings.Cut(rest[:end], ":"); at < 0 && strings.Trim(port, "0123456789") != "" && !strings.HasPrefix(rest, "[") {
		at = strings.LastIndexByte(rest, '@')
	}
	if at < 0 {
		return rest
	}
	return "***" + rest[at:]
}

// hide writes a segment of a path, or a pair of a query. Servers differ on whether ";" divides parameters (it did in HTML 4): a
// name is what it is to any of them. A "?" begins a URL within the URL.
func hide(b *strings.Builder, pair string) {
	if name, _, ok := strings.Cut(pair, "="); ok && !secret(name) {
		split(b, pair, ";?", hideOne)
	} else {
		hideOne(b, pair)
	}
}

func hideOne(b *strings.Builder, pair string) {
	name, value, ok := strings.Cut(pair, "=")
	switch {
	case ok && (secret(name) || tells(value)):
		b.WriteString(name)
		b.WriteString("=***")
	case !ok && tells(pair):
		b.WriteString("***")
	default:
		b.WriteString(pair)
	}
}

// tells reports whether a value is, behind its escapes, itself of a kind that holds a secret: a URL with user information, or
// parameters, or JSON.
func tells(value string) bool {
	if strings.IndexByte(value, '%') < 0 && !strings.Contains(value, "://") {
		return false
	}
	plain := http1.Unescape(value)
	if _, rest, ok := strings.Cut(plain, "://"); ok && strings.Contains(strings.SplitN(rest, "/", 2)[0], "@") {
		return true
	}
	for part := range strings.FieldsFuncSeq(plain, func(c rune) bool { return strings.ContainsRune("?&;,/{}", c) }) {
		if name, _, ok := strings.Cut(strings.Replace(part, ":", "=", 1), "="); ok && secret(name) {
			return true
		}
	}
	return false
}

// split has the parts of a text written, and writes what stands between them.
func split(b *strings.Builder, s, separators string, write func(*strings.Builder, string)) {
	for {
		i := strings.IndexAny(s, separators)
		if i < 0 {
			write(b, s)
			return
		}
		write(b, s[:i])
		b.WriteByte(s[i])
		s = s[i+1:]
	}
}

// Header reports whether the name of a header field promises a secret.
func Header(name string) bool {
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, "access-control-"): // -Allow-Credentials is no credential
		return false
	case strings.Contains(name, "cookie"):
		return true
	}
	return secret(name)
}

// secret reports whether a name promises a secret: "monkey" does too.
func secret(name string) bool {
	name = strings.ToLower(http1.Unescape(name))
	for _, word := range [...]string{
		"token", "key", "secret", "pass", "pwd", "auth", "credential", "signature", "session", "sessid", "bearer", "assertion",
		"verifier", "ticket", "hmac",
	} {
		if strings.Contains(name, word) {
			return true
		}
	}
	switch name {
	case "sig", "code", "jwt", "otp", "pin", "psk", "pw", "sid":
		return true
	}
	return false
}
