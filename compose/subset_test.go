package compose

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
)

// Every key of the compose specification is either run or refused by name with advice of its own: a newer specification must
// not open a hole.
func TestEveryKeyOfTheSpecificationIsKnown(t *testing.T) {
	var spec struct {
		Properties map[string]any
		Defs       map[string]struct{ Properties map[string]any } `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(schema.Schema), &spec); err != nil {
		t.Fatal(err)
	}
	places := map[string]struct {
		shape *shape
		defs  []string
	}{
		"service":             {serviceShape(), []string{"container_spec", "service", "workload_spec"}},
		"service.healthcheck": {serviceShape().keys["healthcheck"], []string{"healthcheck"}},
		"network":             {resourceShape(""), []string{"network"}},
		"volume":              {resourceShape(""), []string{"volume"}},
	}
	checked := 0
	check := func(where string, s *shape, key string) {
		if _, ok := s.keys[key]; ok {
			checked++
			return
		}
		if adviceFor(where)[key] == "" {
			t.Errorf("%s.%s is neither run nor refused with advice", where, key)
		}
		checked++
	}
	for where, p := range places {
		for _, def := range p.defs {
			for key := range spec.Defs[def].Properties {
				check(where, p.shape, key)
			}
		}
	}
	for key := range spec.Properties {
		check("file", fileShape(), key)
	}
	if checked < 100 {
		t.Fatalf("only %d keys seen: the schema is not where it was", checked)
	}
}

func TestKeysOutsideTheSubset(t *testing.T) {
	for key, advice := range adviceFor("service") {
		t.Run(key, func(t *testing.T) {
			err, hint := refused(t, server("hostname: x", key+": {a: [b]}", "user: y"))
			wantRefusal(t, err, Refusal{File: "compose.yaml", Line: 5, Key: "services.letta." + key, Service: "letta", Known: true, Instead: advice})
			mustSay(t, err.Error(), "compose.yaml:5: services.letta."+key+" is not supported: ")
			mustSay(t, hint, "docker compose -f compose.yaml up -d")
		})
	}
	for _, test := range []struct{ where, content, key string }{
		{"file", server() + "secrets:\n", "secrets"},
		{"network", server() + "networks:\n  n: {ipam: {}}\n", "networks.n.ipam"},
		{"volume", server() + "volumes:\n  v: {driver_opts: {}}\n", "volumes.v.driver_opts"},
		{"mount", server("volumes:", "  - {type: bind, source: a, target: /a, bind: {}}"), "services.letta.volumes.0.bind"},
		{"attachment", server("networks: {default: {priority: 3}}"), "services.letta.networks.default.priority"},
		{"dependency", server("depends_on: {a: {restart: true}}"), "services.letta.depends_on.a.restart"},
		{"healthcheck", server("healthcheck: {start_interval: 1s}"), "services.letta.healthcheck.start_interval"},
		{"service with dots", server() + "  my.own.service: {image: x, build: .}\n", "services.my.own.service.build"},
		{"inside of a service with dots", server() + "  my.own: {image: x, volumes: [{type: bind, bind: {}}]}\n", "services.my.own.volumes.0.bind"},
		{"env_file", server("env_file: [{path: a, format: raw}]"), "services.letta.env_file.0.format"},
	} {
		t.Run(test.where, func(t *testing.T) {
			err, _ := refused(t, test.content)
			mustSay(t, err.Error(), test.key+" is not supported: ")
		})
	}
}

func wantRefusal(t *testing.T, err error, want Refusal) {
	t.Helper()
	var subset *SubsetError
	if !errors.As(err, &subset) || len(subset.Refusals) != 1 || subset.Refusals[0] != want {
		t.Fatalf("got %#v, want one refusal %#v", err, want)
	}
}

func TestUnknownKeysNameTheNearest(t *testing.T) {
	for _, test := range []struct{ content, says, hint string }{
		{server("portz: [80]"), `compose.yaml:4: services.letta.portz is not a key of compose files: did you mean "ports"?`, "correct compose.yaml:4"},
		{server("container-name: x"), `did you mean "container_name"?`, "compose.yaml:4"},
		{server("zzzzzzzzz: x"), "services.letta.zzzzzzzzz is not a key of compose files: take it out", "compose.yaml:4"},
		{"service:\n" + server(), `compose.yaml:1: service is not a key of compose files: did you mean "services"?`, "compose.yaml:1"},
		{server("ports:", "  - targett: 80"), `services.letta.ports.0.targett is not a key of compose files: did you mean "target"?`, "compose.yaml:5"},
		{server() + "x-letta-dev:\n  host: [a]\n", `compose.yaml:5: x-letta-dev.host is not a setting of letta-dev: did you mean "hosts"?`, "compose.yaml:5"},
		{server() + "x-letta-dev:\n  websocket: {upstrem: a}\n", `did you mean "upstream"?`, "compose.yaml:5"},
	} {
		err, hint := refused(t, test.content)
		mustSay(t, err.Error(), test.says)
		mustSay(t, hint, test.hint)
	}
}

// All of a file's refusals come at once, so that nobody takes them out one by one.
func TestRefusalsComeTogether(t *testing.T) {
	err, _ := refused(t, server("privileged: true", "tty: true")+"configs: {}\n")
	if got := strings.Count(err.Error(), "\n"); got != 2 {
		t.Errorf("%d lines, want 3:\n%v", got+1, err)
	}
	mustSay(t, err.Error(), "compose.yaml:4: ", "compose.yaml:5: ", "compose.yaml:6: ")
}

func TestExtensionsOfOthersAreLeftAlone(t *testing.T) {
	p := loaded(t, "x-mine: {build: [1]}\n"+server("x-theirs: ${NOT_SET:?never read}"))
	if len(p.Services) != 1 {
		t.Errorf("services %v", names(p))
	}
}

func TestServicesOfInactiveProfilesAreLeftOut(t *testing.T) {
	content := server() + `
  tools:
    image: tools:1
    build: .
    profiles: [debug]
`
	if p := loaded(t, content); len(p.Services) != 1 {
		t.Errorf("services %v", names(p))
	}
	for _, profile := range []string{"debug", "other,debug", "*"} {
		err, _ := refused(t, content, "COMPOSE_PROFILES="+profile)
		mustSay(t, err.Error(), "compose.yaml:7: services.tools.build")
	}
	err, _ := refused(t, strings.Replace(content, "build:", "biuld:", 1)) // a slip is a slip, whoever runs it
	mustSay(t, err.Error(), `services.tools.biuld is not a key of compose files: take it out`)
	dir := folder(t, map[string]string{"compose.yaml": strings.Replace(content, "    build: .\n", "", 1)})
	p, err := Load(t.Context(), Options{Dir: dir, Profiles: []string{"debug"}})
	if err != nil || len(p.Services) != 2 {
		t.Errorf("%v, %v", p, err)
	}
}

func TestWrongValues(t *testing.T) {
	long := strings.Repeat("a", 300)
	for _, test := range []struct{ content, says string }{
		{server("ports: 80"), "compose.yaml:4: services.letta.ports: must be a list"},
		{server("image: other:1"), "compose.yaml:4: services.letta.image: stands here a second time, first in line 3"},
		{server("hostname: [a]"), "compose.yaml:4: services.letta.hostname: must be a single value"},
		{server("healthcheck:", "  interval: soon"), `compose.yaml:5: services.letta.healthcheck.interval: "soon" is not a length of time`},
		{server("stop_grace_period: -3s"), "compose.yaml:4"},
		{server("shm_size: big"), `compose.yaml:4: services.letta.shm_size: "big" is not a size`},
		{server("init: maybe"), `"maybe" is neither true nor false`},
		{server("ulimits: {nofile: many}"), `services.letta.ulimits.nofile: "many" is not a whole number`},
		{server("restart: sometimes"), `"sometimes" is not a restart policy`},
		{server("ports: [\"a:b\"]"), `compose.yaml:4: services.letta.ports.0: "a:b" is not a port`},
		{server("ports:", "  - '80'", "  - 70000:80"), "compose.yaml:6: services.letta.ports.1: "},
		{server("ports: ['80:80/sctp']"), `the protocol "sctp" is not supported`},
		{server("ports: ['8000-8010:80']"), `"8000-8010" is not one port of the host`},
		{server("ports: [{target: 80, host_ip: here}]"), `"here" is not an address`},
		{server("ports: [{published: 80}]"), "compose.yaml:4: services.letta.ports.0: target is missing"},
		{server("ports: [{target: 70000}]"), "70000 is not a port of a container"},
		{server("ports: [{target: 80, mode: swarm}]"), `"swarm" is not supported, only host, ingress`},
		{server("volumes: ['a::/b:/c:/d']"), `"a::/b:/c:/d" is not a volume`},
		{server("volumes: ['./a:/b:z']"), `the volume option "z" is not supported, only ro and rw`},
		{server("volumes: [/data]"), "a volume without a name would be lost with its container: write NAME:/data"},
		{server("volumes: ['pg:/data']"), `compose.yaml:4: services.letta.volumes.0: the volume "pg" is not declared under volumes`},
		{server("volumes: ['./a:x']"), `"x" is not an absolute path in the container`},
		{server("volumes: [{type: tmpfs, target: /x}]"), `"tmpfs" is not supported, only bind, volume`},
		{server("networks: [other]"), `compose.yaml:4: services.letta.networks: the network "other" is not declared under networks`},
		{server("security_opt: ['seccomp:./profile.json']"), "a seccomp profile in a file is not supported"},
		{server("depends_on: {a: {condition: soon}}"), `"soon" is not supported, only service_started`},
		{server("environment: {A: [1]}"), "services.letta.environment.A: must be a single value"},
		{server("depends_on: {a: }"), "compose.yaml:4: services.letta.depends_on.a: it has no value"},
		{server("environment: ['=x']"), "compose.yaml:4: services.letta.environment.0: not a name"},
		{server("labels:", "  dev.letta.managed: true"), "compose.yaml:5: services.letta.labels.dev.letta.managed: labels that begin with dev.letta. are"},
		{server("labels: {' a': b}"), "compose.yaml:4: services.letta.labels. a: not a name"},
		{server("env_file: ['']"), "compose.yaml:4: services.letta.env_file.0: it names no file"},
		{server("environment: [~]"), "services.letta.environment.0: an empty entry"},
		{server() + "networks:\n  n: {driver: overlay}\n", `compose.yaml:5: networks.n.driver: "overlay" is not supported, only bridge`},
		{server("hostname: !reset x"), "compose.yaml:4: services.letta.hostname: the tag !reset is not supported"},
		{server("hostname: ${"), "compose.yaml:4: services.letta.hostname: a $ that names no variable"},
		{server("hostname: ${NAME:?say who}"), "compose.yaml:4: services.letta.hostname: the variable NAME is not set: say who"},
		{"services:\n  a:\n    hostname: x\n", "compose.yaml:2: services.a: it names no image"},
		{"services:\n  a:\n", "compose.yaml:2: services.a: it names no image"},
		{"services:\n  a: {image: 'A B'}\n", `services.a.image: "A B" is not the name of an image`},
		{"services:\n  a/b: {image: x}\n", "compose.yaml:2: services.a/b: a name has letters"},
		{"services: {}\n", "compose.yaml:1: services: there is no service to run"},
		{"services: [a]\n", "compose.yaml:1: services: must be a mapping"},
		{"- a\n", "compose.yaml:1: must be a mapping"},
		{"", "compose.yaml:1: the file is empty"},
		{"# nothing\n", "compose.yaml:1: the file is empty"},
		{"~\n", "compose.yaml:1: the file says nothing"},
		{server() + "---\nservices: {}\n", "a second document begins here"},
		{"services:\n  a: [\n", "compose.yaml:3: not YAML: did not find expected node content"},
		{"services:\n\ta: x\n", "compose.yaml:2: not YAML: "},
		{"a: &a [*a, *a]\nservices: {a: {image: x, command: *a}}\n", "compose.yaml:1: "},
		{"services:\n  a: {image: x, <<: 3}\n", "<< needs an alias of a mapping"},
		{"services:\n  a: {image: x, ? [b] : c}\n", "a key must be a single word"},
		{server("container_name: same") + "  b: {image: 'b:1', container_name: same}\n", "its container would have the name of b's: same"},
		{server() + "x-letta-dev: {hosts: ['http://a']}", `x-letta-dev.hosts.0: "http://a" is not a host name`},
		{server() + "x-letta-dev: {hosts: [" + long + "]}", "is not a host name"},
		{server() + "x-letta-dev: {cors: {origins: ['https://a/']}}", `"https://a/" is not a web origin`},
		{server() + "x-letta-dev: {cors: {origins: ['null']}}", `"null" is not a web origin`},
		{server() + "x-letta-dev: {cors: {origins: ['https://*.a']}}", `"https://*.a" is not a web origin`},
		{server() + "x-letta-dev: {cors: {origins: ['https://a:0']}}", `"https://a:0" is not a web origin`},
		{server() + "x-letta-dev: {cors: {origins: ['https://a:']}}", `"https://a:" is not a web origin`},
		{server() + "x-letta-dev: {cors: {origins: ['https://a:99999']}}", `"https://a:99999" is not a web origin`},
		{server() + "x-letta-dev: {listeners: ['a:0']}", `"a:0" is not an address to listen on`},
		{server() + "x-letta-dev: {listeners: [99999]}", `"99999" is not an address to listen on`},
		{server() + "x-letta-dev: {websocket: {upstream: 'ftp://a'}}", `"ftp://a" is not the URL of an upstream: it begins with ws://`},
		{server() + "x-letta-dev: {websocket: {upstream: 'localhost:4500'}}", "is not the URL of an upstream"},
		{server() + "x-letta-dev: {websocket: {upstream: 'ws://a:0'}}", "no port from 1 to 65535"},
		{server() + "x-letta-dev: {websocket: {upstream: 'ws://a:99999'}}", "no port from 1 to 65535"},
		{server() + "x-letta-dev: {websocket: {upstream: 'ws://a/?token=%0d%0aX'}}", "compose.yaml:4: x-letta-dev.websocket.upstream: the query of \"ws://a/?token=***\" has a character"},
		{server() + "x-letta-dev: {hosts: [5]}", `compose.yaml:4: x-letta-dev.hosts.0: "5" is not a host name`},
		{server() + "x-letta-dev: {hosts: ['127.1']}", `"127.1" is not a host name`},
		{server() + "x-letta-dev: {hosts: ['a.0x7F']}", `"a.0x7F" is not a host name`},
		{server() + "x-letta-dev: {websocket: {upstream: 'ws://u:p@a'}}", "a user or a fragment"},
		{server() + "x-letta-dev: {server: b}", `compose.yaml:4: x-letta-dev.server: there is no service "b"`},
		{server() + "x-letta-dev: [a]", "x-letta-dev: must be a mapping"},
	} {
		err, _ := refused(t, test.content)
		var file *FileError
		if !errors.As(err, &file) || file.File != "compose.yaml" || file.Line == 0 {
			t.Errorf("%q: got %T %v, want a *FileError with a line", test.content, err, err)
		}
		mustSay(t, err.Error(), test.says)
	}
}

// A few lines of aliases of aliases, or of variables, must not unfold to a billion values.
func TestBombs(t *testing.T) {
	var merges strings.Builder
	merges.WriteString("x-0: &a0 {a: 1}\n")
	for i := 1; i < 9; i++ {
		ten := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", ")
		fmt.Fprintf(&merges, "x-%d: &a%d {<<: [%s]}\n", i, i, ten)
	}
	for name, content := range map[string]string{
		"merges":    merges.String() + server("environment: *a8"),
		"long text": "x-0: &a0 " + strings.Repeat("a", 100_000) + "\n" + server("command: ["+strings.Repeat("*a0, ", 500)+"]"),
		"variables": server("command: " + strings.Repeat("$BIG", 500)),
		"self":      "x-0: &a0 {<<: *a0}\n" + server("environment: *a0"),
	} {
		err, _ := refused(t, content, "BIG="+strings.Repeat("b", 100_000))
		if !strings.Contains(err.Error(), "unfold to more than a compose file can mean") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
