package compose

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

func TestStartOrder(t *testing.T) {
	p := loaded(t, server("depends_on: [db, cache]")+`
  a: {image: a}
  cache: {image: c, depends_on: [db]}
  db: {image: d}
`)
	if want := []string{"a", "db", "cache", "letta"}; !slices.Equal(names(p), want) {
		t.Errorf("order %v, want %v", names(p), want)
	}
}

func TestCircle(t *testing.T) {
	err, hint := refused(t, server("depends_on: [a]")+`
  a:
    image: a
    depends_on: [b]
  b:
    image: b
    depends_on: {a: {condition: service_started}}
`)
	var cycle *CycleError
	if !errors.As(err, &cycle) || !slices.Equal(cycle.Services, []string{"a", "b"}) {
		t.Fatalf("got %v", err)
	}
	mustSay(t, err.Error(), "compose.yaml:8: depends_on goes in a circle: a → b → a")
	mustSay(t, hint, "compose.yaml:8")
	err, _ = refused(t, server("depends_on: [letta]"))
	mustSay(t, err.Error(), "depends_on goes in a circle: letta → letta")
}

func TestDependenciesThatCannotBeMet(t *testing.T) {
	for _, test := range []struct{ content, says, hint string }{
		{server("depends_on: {none: {condition: service_started, required: false}}"), `there is no service "none"`, "compose.yaml:4"},
		{server("depends_on: [none]"), `compose.yaml:4: services.letta.depends_on.none: there is no service "none"`, "compose.yaml:4"},
		{server("depends_on:", "  db:", "    condition: service_healthy") + "  db: {image: d, healthcheck: {test: x, disable: true}}\n",
			"compose.yaml:5: services.letta.depends_on.db: the healthcheck of db is disabled, so it would never be healthy", "give db a healthcheck"},
		{server("depends_on: {db: {condition: service_healthy}}") + "  db: {image: d, healthcheck: {test: [NONE]}}\n", "is disabled", "db"},
		{server("depends_on: [db]") + "  db: {image: d, profiles: [x]}\n", "db is left out, because none of its profiles is active", "COMPOSE_PROFILES"},
	} {
		err, hint := refused(t, test.content)
		mustSay(t, err.Error(), test.says)
		mustSay(t, hint, test.hint)
	}
	p := loaded(t, server("depends_on: {db: {condition: service_started, required: false}}")+"  db: {image: d, profiles: [x]}\n")
	if len(p.Services) != 1 || len(p.Services[0].DependsOn) != 0 {
		t.Errorf("%+v", p.Services)
	}
	p = loaded(t, server("depends_on: {db: {condition: service_started, required: false}, other: {condition: service_started}}")+"  db: {image: d}\n  other: {image: d}\n")
	if on := p.Server().DependsOn; len(on) != 2 || !on[0].Optional || on[1].Optional {
		t.Errorf("what is not required is optional, and nothing else: %+v", on)
	}
}

// An image may have a health check of its own, so the file need not give one, nor its test.
func TestTheHealthcheckOfAnImage(t *testing.T) {
	for _, db := range []string{"{image: d}", "{image: d, healthcheck: {interval: 1s}}"} {
		p := loaded(t, server("depends_on: {db: {condition: service_healthy}}")+"  db: "+db+"\n")
		if on := p.Server().DependsOn; len(on) != 1 || on[0].Condition != "service_healthy" {
			t.Errorf("%s: the server depends on %+v", db, on)
		}
	}
}

func TestProjectName(t *testing.T) {
	for _, test := range []struct {
		dir, content string
		o            Options
		want         string
	}{
		{"My Project.v2", server(), Options{}, "myprojectv2"},
		{"_x", server(), Options{}, "x"},
		{"d", "name: Named_1\n" + server(), Options{}, "named_1"},
		{"d", "name: n-${WHO:-me}\n" + server(), Options{}, "n-me"},
		{"d", "name: named\n" + server(), Options{Name: "over"}, "over"},
		{"d", "name: named\n" + server(), Options{Environ: []string{"COMPOSE_PROJECT_NAME=ours"}}, "ours"},
		{"d", "name: named\n" + server(), Options{Name: "over", Environ: []string{"COMPOSE_PROJECT_NAME=ours"}}, "over"},
	} {
		dir := filepath.Join(t.TempDir(), test.dir)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(test.content), 0o644); err != nil {
			t.Fatal(err)
		}
		test.o.Dir = dir
		p, err := Load(t.Context(), test.o)
		if err != nil || p.Name != test.want {
			t.Errorf("%s, %q: got %v, %v, want %s", test.dir, test.content, p, err, test.want)
		}
	}
	for environ, want := range map[string]string{"": DefaultName, "COMPOSE_PROJECT_NAME=ours": "ours"} {
		for _, load := range []func(context.Context, Options) (*Project, error){Load, LoadSettings} {
			p, err := load(t.Context(), Options{Dir: folder(t, nil), Environ: []string{environ}})
			if err != nil || p.Name != want {
				t.Errorf("%q, without a file: %v, %v", environ, p, err)
			}
		}
	}
}

func TestNamesThatCannotBe(t *testing.T) {
	dir := filepath.Join(folder(t, nil), "日本")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(server()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		o          Options
		says, hint string
	}{
		{Options{Dir: dir}, "no project name can be made of the folder", "letta-dev up --project NAME"},
		{Options{Dir: dir, Name: "Two Words"}, `"Two Words" cannot be a project name`, "letta-dev up --project twowords"},
		{Options{Dir: dir, Environ: []string{"COMPOSE_PROJECT_NAME=A"}}, `"A" cannot be a project name`, "letta-dev up --project a"},
		{Options{Dir: dir, Name: "-"}, `"-" cannot be a project name`, "letta-dev up --project NAME"},
	} {
		_, err := Load(t.Context(), test.o)
		var name *NameError
		if !errors.As(err, &name) {
			t.Fatalf("got %v", err)
		}
		mustSay(t, err.Error(), test.says)
		mustSay(t, hintOf(t, err), test.hint)
	}
	err, _ := refused(t, "name: '!'\n"+server())
	mustSay(t, err.Error(), "compose.yaml:1: name: ")
}

func TestResources(t *testing.T) {
	p := loaded(t, server("volumes: ['own:/a', 'named:/b', 'theirs:/c', 'called:/d']", "networks: [default, back, outside]")+`
networks:
  back: {driver: bridge}
  outside: {external: true}
  unused: {}
volumes:
  own: {driver: local}
  named: {name: exactly}
  theirs: {external: true}
  called: {external: true, name: somebody-elses}
  unused:
`)
	if want := map[string]Network{
		"default": {Name: "my-project_default"}, "back": {Name: "my-project_back"}, "outside": {Name: "outside", External: true},
	}; !reflect.DeepEqual(p.Networks, want) {
		t.Errorf("networks %v, want %v", p.Networks, want)
	}
	if want := map[string]Volume{
		"own": {Name: "my-project_own"}, "named": {Name: "exactly"},
		"theirs": {Name: "theirs", External: true}, "called": {Name: "somebody-elses", External: true},
	}; !reflect.DeepEqual(p.Volumes, want) {
		t.Errorf("volumes %v, want %v", p.Volumes, want)
	}
}

func TestWherePortsStand(t *testing.T) {
	p := loaded(t, server("ports:", "  - 8283:8283", "  - '0.0.0.0:8282:8282'", "  - 18283:8283", "  - '80:8283'", "  - 8283:9000",
		"  - '[::]:7000:7000'", "  - '192.168.1.5:7001:7001'", "  - 7002")+"  db: {image: d, ports: ['8282:8282']}\n")
	tcp := func(target int, ip string, host int) Port { return Port{target, ip, host, "tcp"} }
	want := []Port{
		tcp(8283, "127.0.0.1", 0), tcp(8282, "127.0.0.1", 0), tcp(8283, "127.0.0.1", 18283), tcp(9000, "127.0.0.1", 8283),
		tcp(7000, "::1", 7000), tcp(7001, "192.168.1.5", 7001), tcp(7002, "127.0.0.1", 0),
	}
	if got := p.Server().Ports; !slices.Equal(got, want) {
		t.Errorf("ports %v\nwant %v", got, want)
	}
	if got := service(t, p, "db").Ports; !slices.Equal(got, []Port{tcp(8282, "127.0.0.1", 8282)}) {
		t.Errorf("ports of a service that is not the server %v", got)
	}
	notes := strings.Join(p.Notes, "\n")
	mustSay(t, notes, "letta: port 8283 is published on a free port of 127.0.0.1, because the proxy stands on 8283",
		"because the proxy stands on 8282", "because the proxy stands on 80", "letta: port 7000 is published on ::1 alone",
		"db: port 8282 is published on 127.0.0.1 alone")
	if strings.Contains(notes, "7001") {
		t.Errorf("a note on a port that stands where the file has it: %s", notes)
	}
}

// Ports that stand on all addresses in the file stand on one of each family here, where some come to be the same.
func TestPortsThatMeet(t *testing.T) {
	for ports, want := range map[string]string{
		"'0.0.0.0:9000:80', '[::]:9000:80'":                   "127.0.0.1:9000 [::1]:9000",
		"'9000:80', '0.0.0.0:9000:80', '127.0.0.1:9000:80'":   "127.0.0.1:9000",
		"'[::]:9000:80', '[0:0::0]:9000:80', '[::1]:9000:80'": "[::1]:9000",
		"'[::ffff:0.0.0.0]:9000:80', '9001:80'":               "127.0.0.1:9000 127.0.0.1:9001",
		"'9000:80', '9000:80/udp'":                            "127.0.0.1:9000 127.0.0.1:9000",
		"'80', '0.0.0.0::80', '81'":                           "127.0.0.1:0 127.0.0.1:0",
	} {
		var got []string
		for _, p := range loaded(t, server("ports: ["+ports+"]")).Server().Ports {
			got = append(got, net.JoinHostPort(p.HostIP, strconv.Itoa(p.HostPort)))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", ports, got, want)
		}
	}
	for _, content := range []string{
		server("ports: ['0.0.0.0:9000:80', '127.0.0.1:9000:81']"),
		"services:\n  other: {image: o, ports: ['9000:81']}\n  z:\n    image: letta/letta\n    ports: ['9000:80']\n",
	} {
		err, hint := refused(t, content)
		mustSay(t, err.Error(), "127.0.0.1:9000 is published twice, for port 8")
		mustSay(t, hint, "correct compose.yaml:")
	}
}

func TestWhichServiceIsTheServer(t *testing.T) {
	for content, want := range map[string]string{
		"services:\n  a: {image: 'docker.io/letta/letta:1'}\n  b: {image: b, ports: [8283]}\n":                              "a",
		"services:\n  a: {image: 'localhost:5000/letta/letta'}\n  b: {image: b}\n":                                          "a",
		"services:\n  a: {image: letta/letta-tools}\n  b: {image: b, ports: ['1:8283']}\n":                                  "b",
		"services:\n  a: {image: letta/letta}\n  b: {image: letta/letta}\nx-letta-dev: {server: b}\n":                       "b",
		"services:\n  a: {image: x@sha256:" + strings.Repeat("a", 64) + "}\nx-letta-dev: {server: a}\n":                     "a",
		"services:\n  a: {image: letta/letta@sha256:" + strings.Repeat("b", 64) + "}\n  letta: {image: x, ports: [8283]}\n": "a",
	} {
		if p := loaded(t, content); p.Settings.Server != want || p.Server().Name != want {
			t.Errorf("%q: server %q, want %q", content, p.Settings.Server, want)
		}
	}
	for content, says := range map[string]string{
		"services:\n  a: {image: x}\n":                                      "compose.yaml:1: services: none of them is the Letta server",
		"services:\n  a: {image: letta/letta}\n  b: {image: letta/letta}\n": "compose.yaml:1: services: which is the Letta server: a or b",
	} {
		err, hint := refused(t, content)
		mustSay(t, err.Error(), says)
		mustSay(t, hint, "x-letta-dev: { server: SERVICE }")
	}
}

func TestSettings(t *testing.T) {
	p := loaded(t, server()+`
x-letta-dev:
  server: letta
  hosts: [agents.localhost, "${EXTRA:-b.localhost}", "::1"]
  cors: {origins: ["https://my.app", "http://localhost:5173"]}
  listeners: [8443, "127.0.0.1:8080", "[::1]:8081"]
  websocket:
    upstream: wss://localhost:4500/ws?x=1
`)
	want := Settings{
		Server: "letta", Hosts: []string{"agents.localhost", "b.localhost", "::1"},
		Origins:   []string{"https://my.app", "http://localhost:5173"},
		Listeners: []string{"8443", "127.0.0.1:8080", "[::1]:8081"}, WebSocket: WebSocket{"wss://localhost:4500/ws?x=1"},
		Policy: policy.Rules{CORS: []string{"https://my.app", "http://localhost:5173"}},
	}
	if !reflect.DeepEqual(p.Settings, want) {
		t.Errorf("%+v, want %+v", p.Settings, want)
	}
}

func TestAllowOrigins(t *testing.T) {
	for had, want := range map[string]string{
		"":                        "https://letta.localhost,https://localhost:8283",
		"https://a, https://b":    "https://a,https://b,https://letta.localhost,https://localhost:8283",
		"https://localhost:8283,": "https://localhost:8283,https://letta.localhost",
	} {
		s := &Service{}
		if had != "" {
			s.Environment = map[string]string{"ACCEPTABLE_ORIGINS": had}
		}
		s.AllowOrigins("https://letta.localhost", "https://localhost:8283")
		if got := s.Environment["ACCEPTABLE_ORIGINS"]; got != want {
			t.Errorf("%q: got %q, want %q", had, got, want)
		}
	}
	s := &Service{}
	if s.AllowOrigins(); len(s.Environment) != 0 {
		t.Errorf("an empty variable: %v", s.Environment)
	}
}
