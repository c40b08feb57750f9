//go:build e2e && linux

package trust

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A client is a program of this machine that speaks TLS.
type client struct {
	name      string
	needs     []string // a command that succeeds where the client is installed
	ask       asker
	reads     store
	unknown   string // what it says of a root it does not know, as a regular expression
	forbidden string // and of a certificate that an issuer in the chain was not allowed to sign
	nameless  string // and, if it ignores the common name, as RFC 9525 wants, of a certificate that has no other name
}

// store is where a client finds its roots.
type store string

const (
	browsers store = "NSS"      // which no variable replaces
	system   store = "system"   // or what `letta-dev run` names
	nothing  store = "built in" // it needs `letta-dev run`
)

// An asker has a user's client fetch URLs, and returns for each the page or what was wrong. It puts before in front of the
// client's own command: `letta-dev run --`, or nothing.
type asker func(ctx context.Context, u *user, before, urls []string) map[string]string

// everyClient begins with those that take the longest.
func everyClient() []client {
	const openssl, constrained = "unable to get local issuer", "permitted subtree violation|path length constraint exceeded"
	python := func(name, module string, packages ...string) client {
		run := slices.Concat([]string{"env"}, packages, []string{"/usr/bin/python3"})
		return client{name: name, needs: slices.Concat(run, []string{"-c", "import " + module}), unknown: openssl, forbidden: constrained,
			reads: system, ask: together(slices.Concat(run, []string{tools + "/clients/fetch.py", module})...)}
	}
	fromPyPI := python("PyPI's requests", "requests", "PYTHONPATH="+pypi)
	fromPyPI.reads, fromPyPI.nameless = nothing, "Hostname mismatch"
	return []client{
		{name: "Chromium", needs: version("chromium"), reads: browsers,
			unknown: "ERR_CERT_AUTHORITY_INVALID", forbidden: "ERR_CERT_INVALID", nameless: "ERR_CERT_COMMON_NAME_INVALID",
			ask: each("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--dump-dom")}, // a page with an error is empty
		{name: "Firefox", needs: version("firefox-esr"), reads: browsers, ask: firefox,
			unknown: "SEC_ERROR_UNKNOWN_ISSUER", forbidden: "SEC_ERROR_CERT_NOT_IN_NAME_SPACE"},
		{name: "Java", needs: version("javac"), reads: system, ask: together("java", "-cp", javas, "Fetch"),
			unknown: "unable to find valid certification path", forbidden: "name constraints check failed|pathLenConstraint"},
		{name: "Node", needs: version("node"), reads: nothing, ask: together("node", tools+"/clients/fetch.mjs"), unknown: openssl, forbidden: constrained},
		python("Python urllib", "urllib"),
		python("Debian's requests", "requests"),
		fromPyPI,
		{name: "curl", needs: version("curl"), reads: system, ask: each("curl", "-q", "-sS", "-f", "-m", "20"), unknown: openssl, forbidden: constrained},
		{name: "wget", needs: version("wget"), reads: system, ask: each("wget", "-nv", "-O-", "--tries=1", "--timeout=20"),
			unknown: "doesn't have a known issuer", forbidden: "is not trusted"}, // GnuTLS knows why, wget does not tell
		{name: "git", needs: version("git"), reads: system, ask: each("git", "ls-remote"), // it says the same of both
			unknown: "certificate verification failed", forbidden: "certificate verification failed"},
	}
}

func version(program string) []string { return []string{program, "--version"} }

// each asks with one process a URL. What it prints counts, not how it ends: browsers end with 0 after a refused certificate.
// A Chromium that saw another test's container start has not answered yet.
func each(argv ...string) asker {
	const changed = "net::ERR_NETWORK_CHANGED"
	return func(ctx context.Context, u *user, before, urls []string) map[string]string {
		said := map[string]string{}
		for _, url := range urls {
			said[url] = changed
			for tries := 0; tries < 5 && strings.Contains(said[url], changed); tries++ {
				out, _ := u.command(ctx, slices.Concat(before, argv, []string{url})...).CombinedOutput()
				said[url] = string(out)
			}
		}
		return said
	}
}

// together asks with one process that prints a line for each URL.
func together(argv ...string) asker {
	return func(ctx context.Context, u *user, before, urls []string) map[string]string {
		out, _ := u.command(ctx, slices.Concat(before, argv, urls)...).CombinedOutput()
		said := map[string]string{}
		for _, url := range urls {
			said[url] = "no answer, but: " + string(out)
		}
		for line := range strings.Lines(string(out)) {
			if url, answer, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
				said[url] = answer
			}
		}
		return said
	}
}

// here returns the clients that are installed, and names the others.
func here(t *testing.T, u *user) []client {
	return slices.DeleteFunc(everyClient(), func(c client) bool {
		out, err := u.command(t.Context(), c.needs...).CombinedOutput()
		if err != nil {
			t.Run(c.name, func(t *testing.T) { t.Skipf("NOT PROVEN: %s is not installed: %v %s", c.name, err, out) })
		}
		return err != nil
	})
}

// A verdict is what a client made of a certificate.
type verdict string

const (
	accepted  verdict = "accepted"
	unknown   verdict = "unknown root"
	forbidden verdict = "forbidden name"
	nameless  verdict = "no name" // where a client has no words for that: forbidden
)

// judge tells whether what a client said is the verdict that is wanted, and returns the words it is in.
func (c client) judge(said, marker string, want verdict) (words string, ok bool) {
	pattern := map[verdict]string{accepted: marker, unknown: c.unknown, forbidden: c.forbidden, nameless: cmp.Or(c.nameless, c.forbidden)}[want]
	if want != accepted && strings.Contains(said, marker) {
		return "", false
	}
	words = regexp.MustCompile(pattern).FindString(said)
	return strings.ReplaceAll(words, marker, "the page"), words != ""
}
