// Package house_test holds the directions of imports: who may know of whom. A new arrow is a decision, and stands here with its reason.
package house_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/letta-dev/letta-dev/"

// arrows are all imports of our packages by our packages, tests left out: from, to, why.
var arrows = [][3]string{
	{"cmd/letta-dev", "orchestrator", "commands plan and follow"},
	{"cmd/letta-dev", "orchestrator/docker", "the one place that chooses the engine"},
	{"cmd/letta-dev", "orchestrator/demo", "the hidden commands that run the stand-in"},
	{"cmd/letta-dev", "compose", "commands read the stack and its settings"},
	{"cmd/letta-dev", "proxy", "wire.go makes routes of what is followed"},
	{"cmd/letta-dev", "proxy/listen", "commands check addresses, bind them and explain what failed"},
	{"cmd/letta-dev", "proxy/bridge", "wire.go puts the bridge behind 8282"},
	{"cmd/letta-dev", "proxy/policy", "flags ask for what a file asks for"},
	{"cmd/letta-dev", "proxy/redact", "an error about a URL tells no password"},
	{"cmd/letta-dev", "crash", "main says what becomes of a bug"},
	{"orchestrator", "crash", "a bug in one of its goroutines ends in words"},
	{"orchestrator/docker", "crash", "so does one in these"},
	{"orchestrator/demo", "crash", "and in these"},
	{"certs", "certs/host", "an authority is files, with owners and locks"},
	{"certs/truststore", "certs", "a store trusts an authority's root, and a proof needs a leaf of it"},
	{"certs/truststore", "certs/host", "stores are files and commands of the machine"},
	{"certs/truststore", "crash", "and in these"},
	{"certs/clientenv", "certs/truststore", "a bundle begins with what the system and the JVMs trust"},
	{"certs/clientenv", "certs", "and ends with the root"},
	{"certs/clientenv", "certs/host", "bundles are files, with owners and locks"},
	{"certs/keypair", "certs", "a pair is checked by the rules for names, and compared with the authority"},
	{"certs/keypair", "certs/host", "its files are read with limits, and watched"},
	{"certs/certstest", "certs/host", "tests make machines"},
	{"cmd/letta-dev", "certs/host", "commands describe this machine and its user"},
	{"cmd/letta-dev", "certs/truststore", "commands install the root, remove it and say who trusts it"},
	{"cmd/letta-dev", "certs/clientenv", "env and run print and set its variables"},
	{"cmd/letta-dev", "certs/keypair", "up --cert serves such a pair"},
	{"proxy", "crash", "and in these, where they serve no one connection"},
	{"proxy/bridge", "crash", "and in these"},
	{"compose", "proxy/policy", "x-letta-dev is read by the rules of what obeys it"},
	{"proxy", "proxy/policy", "it obeys the rules"},
	{"proxy", "proxy/http1", "it speaks through the wire"},
	{"proxy", "proxy/redact", "its log and its table are shown to people"},
	{"proxy/listen", "proxy/procnet", "the kernel's tables tell who holds a port"},
	{"proxy", "proxy/procnet", "and whether a client still holds its end"},
	{"proxy/listen", "proxy/redact", "the name of the process that holds a port may hold any bytes"},
	{"proxy/policy", "proxy/redact", "so are its errors, which repeat URLs"},
	{"proxy/policy", "proxy/http1", "a rule about fields knows their grammar"},
	{"proxy/redact", "proxy/http1", "the name of a secret may be in code"},
	{"cmd/letta-dev", "certs", "wire.go hands the leaves to the proxy"},
	{"orchestrator", "compose", "a plan is made of the stack's data"},
	{"orchestrator/docker", "orchestrator", "it meets the Engine of its consumer"},
	{"orchestrator/docker", "compose", "a Spec holds the stack's own shapes"},
	{"orchestrator/enginetest", "orchestrator", "the fake meets the same Engine"},
	{"orchestrator/enginetest", "compose", "the contract makes Specs"},
	{"orchestrator/enginetest", "orchestrator/enginetest/probe", "the contract runs this small server in real containers"},
}

// guarded are outside modules that one package alone may import.
var guarded = map[string]string{
	"github.com/moby/moby/":         "orchestrator/docker",
	"github.com/docker/cli/":        "orchestrator/docker",
	"github.com/compose-spec/":      "compose",
	"github.com/spf13/cobra":        "cmd/letta-dev",
	"charm.land/":                   "cmd/letta-dev",
	"github.com/coder/websocket":    "proxy/bridge",
	"github.com/coreos/go-systemd/": "proxy/listen",
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestArrows(t *testing.T) {
	for _, p := range list(t) {
		from, ours := strings.CutPrefix(p.ImportPath, module)
		if !ours || strings.HasPrefix(from, "e2e") {
			continue // the end-to-end tests may look at everything
		}
		for _, path := range p.Imports {
			if to, ours := strings.CutPrefix(path, module); ours && !allowed(from, to) {
				t.Errorf("%s imports %s: that arrow is not in the list", from, to)
			}
			for prefix, only := range guarded {
				if strings.HasPrefix(path, prefix) && from != only {
					t.Errorf("%s imports %s: only %s may", from, path, only)
				}
			}
		}
	}
}

func allowed(from, to string) bool {
	return slices.ContainsFunc(arrows, func(a [3]string) bool { return a[0] == from && a[1] == to && a[2] != "" })
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 8 {
		t.Fatalf("go list knows only %d packages", len(all))
	}
	return all
}
