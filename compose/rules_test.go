package compose

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

// What docker compose refuses, by its schema or after it, is refused here with file and line, and what both take means the same. Every
// key that is run is tried with every kind of value, whether it fits there or not.
func TestRulesOfDockerCompose(t *testing.T) {
	places := maps.Collect(placesOfTheSubset())
	if len(places) < 60 {
		t.Fatalf("only %d places", len(places))
	}
	accepted, refusedToo := 0, 0
	dir := folder(t, ruleFiles())
	for place, format := range places {
		for _, value := range valuesOfEveryKind() {
			switch rule(t, dir, fmt.Sprintf(format, value)) {
			case taken:
				accepted++
			case refusedByBoth:
				refusedToo++
			case wrong:
				t.Errorf("%s: %s", place, value)
			}
		}
	}
	if accepted < 500 || refusedToo < 500 {
		t.Errorf("%d accepted and %d refused by both: the values are no test", accepted, refusedToo)
	}
}

// A variable in a file stands for what docker compose has it stand for, or is refused as it is there.
func TestVariablesMeanTheSame(t *testing.T) {
	dir := folder(t, ruleFiles())
	for _, text := range []string{
		"$N", "${N}", "$N$F", "${N}x", "$Nx", "$N-x", "$$", "$$N", "$${N}", "$$$N", "$", "a$", "$ a", "$1", "${1}", "${}", "${", "${N", "$}", "{$N}", "${ N}", "${N }", "${a b}", "${N.x}", "${N-x-y}", "$É",
		"${N:-d}", "${N-d}", "${NONE:-d}", "${NONE-d}", "${EMPTY:-d}", "${EMPTY-d}", "${NONE:-}", "${NONE:-a:b}", "${NONE:-a b}", "${NONE:-${N}}", "${NONE:-${GONE:-$F}}", "${NONE:-$$}", "${NONE:-$}", "${NONE:-{}}",
		"${N:+y}", "${N+y}", "${EMPTY:+y}", "${EMPTY+y}", "${NONE:+y}", "${NONE+y}", "${N:+${F}}", "${N:?m}", "${N?m}", "${EMPTY:?m}", "${EMPTY?m}", "${NONE:?m}", "${NONE?m}", "${NONE:?}", "${NONE:?${N}}",
		"${N:=x}", "${N/5/6}", "${#N}", "${N^^}", "${N:0:1}", "${N@Q}", "${!N}", "$(N)", "`N`", "%N%", "${n}", "$n", "${DOLLAR}", "$DOLLAR", "${NONE:-${DOLLAR}}", "${NONE:-\\}}", "${_x}", "${NONE:-a}b}", "${N}${NONE:-}${F:+z}",
	} {
		for _, place := range []string{"environment: ['A=%s']", "environment: {A: '%s'}", "command: ['%s', b]", "command: 'c %s'", "labels: {l: '%s'}", "hostname: '%s'", "environment: {A: %s}", "healthcheck: {test: '%s'}"} {
			if rule(t, dir, server(fmt.Sprintf(place, text))) == wrong {
				t.Errorf(place, text)
			}
		}
	}
}

// Rules that take more than one key to break.
func TestRulesAcrossKeys(t *testing.T) {
	dir := folder(t, ruleFiles())
	for _, content := range []string{
		server("volumes: ['a:/x', 'b:/x']") + "volumes: {a: , b: }\n",
		server("volumes: ['a:/x']", "tmpfs: /x") + "volumes: {a: }\n",
		server("volumes: ['a:/x']", "tmpfs: ['/x:size=1m']") + "volumes: {a: }\n",
		server("volumes: ['a:/x/']", "tmpfs: /x") + "volumes: {a: }\n",
		server("volumes: [{type: volume, source: a}]") + "volumes: {a: }\n",
		server("volumes: [{type: bind, target: /x}]"),
		server("volumes: [{source: ./a, target: /x}]"),
		server("volumes: ['a:/x']"),
		server() + "volumes: {a: {external: true, driver: local}}\n",
		server("volumes: ['a:/x']") + "volumes: {a: {external: true, driver: local}}\n",
		server() + "networks: {a: {external: true, driver: bridge}}\n",
		server("networks: [a]") + "networks: {a: {external: true, driver: bridge}}\n",
		server("networks: [a, a]") + "networks: {a: }\n",
		server("networks: [a]"),
		server("depends_on: [a]"),
		server("depends_on: [a]") + "  a: {image: a, profiles: [p]}\n",
		server("depends_on: {a: {condition: service_started, required: false}}") + "  a: {image: a, profiles: [p]}\n",
		server("depends_on: {a: {condition: service_started, required: false}}"),
		server("depends_on: [letta]"),
		server("container_name: same") + "  b: {image: b, container_name: same}\n",
		server("healthcheck: {test: [NONE], disable: true}"),
		server("healthcheck: {disable: true}"),
		server("healthcheck: {interval: 1s}"),
		server("healthcheck: {}"),
		server("ports: [{target: 80, published: 8080, host_ip: '::1'}, '127.0.0.1:8080:80']"),
		server("ports: ['8080:80', '8080:81']"),
		server("environment: {1: a}"), server("environment: {true: a}"), server("environment: {~: a}"), server("environment: {1.5: a}"), server("environment: {2026-01-01: a}"),
		server("labels: {1: a}"), server("ulimits: {NOFILE: 5}"), server("ulimits: {no_file: 5}"), server("ulimits: {nofile: {soft: 5, hard: 5, x-a: 1}}"),
		server("extra_hosts: {a: [1.2.3.4, 5.6.7.8], b: '::1'}"), server("extra_hosts: ['a:1.2.3.4', 'a:5.6.7.8']"), server("extra_hosts: ['a:1.2.3.4', 'a:1.2.3.4']"),
		server() + "  1: {image: a}\n", server() + "  true: {image: a}\n", server() + "  A.b_c-d: {image: a}\n", server() + "  -a: {image: a}\n", server() + "  'a b': {image: a}\n",
		server() + "networks: {'a b': }\n", server() + "volumes: {1: }\n", server() + "volumes: {'-a': }\n", "1: a\n" + server(), "version: 3.8\n" + server(), "version: '3.8'\n" + server(),
		"name: My-App\n" + server(), "name: ''\n" + server(), "name: _a\n" + server(), "x-a: 1\n" + server("x-b: [1]"), server("X-b: 1"),
		"\uFEFF" + server(), strings.ReplaceAll(server("command: |", "  a", "  b"), "\n", "\r\n"), "---\n" + server() + "...\n", "%YAML 1.2\n---\n" + server(), "# c\n\n" + server(), server() + "\x00",
		server("command: >-", "  a", "  b", "  c: d"), server("hostname: 'it''s'"), server(`hostname: "\u0041\t\x41"`), server(`command: "a\`, `  b"`), server("command: a # b"), server("command: a#b"), server("command: 'a' 'b'"),
		server("command: echo \"a b\" 'c d' e\\ f"), server("command: 'a \"b'"), server("command: ''"), server("command: ' '"), server("entrypoint: ['']"), server("entrypoint: [sh, -c, 'a $$b']"), server("command: a && b; c | d"),
		server("environment: {A: !!str 1, B: !!int '2', C: !!float 3, D: !!bool 'true', E: !!null ''}"), server("environment: {A: !!binary aGk=}"), server("environment: {A: 1_000, B: 0b11, E: 0o17, G: 00, H: -0, I: +1, J: 0x1F, K: 12:30, L: 1:2:3}"),
		server("environment: {A: .inf}"), server("environment: {A: .nan}"), server("environment: {A: 1e1000}"), server("labels: {A: -.inf}"), server("environment: {A: \xff}"),
		server("environment: [A=1, A=2, B, 'C= x ', 'D=a=b', 'E=\"q\"']"), server("environment: {A: 'x ', B: ' x', C: \"a\\nb\"}"), server("labels: {a.b/c: 1, d: true, e: 1.50}"), server("labels: [a, b=, c=d=e]"),
		"services: ~\n", "services: {}\n", "services: []\n", "services: {a: ~}\n", "services: {a: []}\n", "services: {a: {}}\n", "services: {a: x}\n", "networks: {}\n", "{}\n", "[]\n", "a\n",
		"services: {letta: &a {image: letta/letta, command: a}, b: {<<: *a, image: b}}\n", "services: {letta: {image: letta/letta, <<: {hostname: 1}}}\n",
	} {
		if rule(t, dir, content) == wrong {
			t.Errorf("%q", content)
		}
	}
}

// Every file is held to the rules, and so is what two of them make together.
func TestRulesAcrossFiles(t *testing.T) {
	dir := folder(t, ruleFiles())
	for _, test := range [][2]string{
		{server("depends_on: {b: {condition: service_started}}") + "  b: {image: b}\n", "services: {letta: {depends_on: {b: {required: false}}}}\n"},
		{server("ulimits: {nofile: {soft: 1, hard: 2}}"), "services: {letta: {ulimits: {nofile: {soft: 2}}}}\n"},
		{server("ulimits: {nofile: 5}"), "services: {letta: {ulimits: {nofile: {soft: 2, hard: 3}}}}\n"},
		{server("healthcheck: {test: [CMD, a]}"), "services: {letta: {healthcheck: {test: [b]}}}\n"},
		{server("healthcheck: {test: [a]}"), "services: {letta: {healthcheck: {test: [CMD, b]}}}\n"},
		{server("healthcheck: {test: a}"), "services: {letta: {healthcheck: {disable: true}}}\n"},
		{server("security_opt: ['label:disable']"), "services: {letta: {security_opt: ['label:disable']}}\n"},
		{server("tmpfs: /x"), "services: {letta: {volumes: ['./a:/x']}}\n"},
		{server("command: a"), "services: {letta: {command: }}\n"},
		{server("command: a", "entrypoint: b"), "services: {letta: {entrypoint: , command: []}}\n"},
		{server("environment: {A: a}"), "services: {letta: {environment: }}\n"},
		{server("environment: {A: a}"), "services: {letta: {environment: {A: }}}\n"},
		{server("networks: [default]"), "services: {letta: {networks: {default: {aliases: [a]}}}}\n"},
		{"services: {letta: {hostname: a}}\n", server()},
		{server(), "services: {letta: ~}\n"},
		{server(), "networks: ~\n"},
		{server("volumes: ['a:/x']") + "volumes: {a: }\n", "volumes: {a: {external: true}}\n"},
		{server("volumes: ['a:/x']") + "volumes: {a: {driver: local}}\n", "volumes: {a: {external: true}}\n"},
		{server("ports: ['8080:80']"), "services: {letta: {ports: [{target: 80, published: '8080'}]}}\n"},
		{server("env_file: a.env"), "services: {letta: {env_file: [{path: a.env, required: false}]}}\n"},
	} {
		if rule(t, dir, test[0], test[1]) == wrong {
			t.Errorf("%q", test)
		}
	}
}

// What docker compose takes and engines refuse, once the images are pulled and half of the stack runs, is refused at once.
func TestRulesOfEngines(t *testing.T) {
	for line, says := range map[string]string{
		"healthcheck: {test: ['true']}":             "healthcheck.test: a list begins with CMD, CMD-SHELL or NONE",
		"healthcheck: {test: [CMD]}":                "healthcheck.test: no command stands behind CMD",
		"healthcheck: {test: a, interval: 10us}":    `healthcheck.interval: "10us" is less than a millisecond`,
		"healthcheck: {test: a, start_period: 1ns}": `healthcheck.start_period: "1ns" is less than a millisecond`,
		"expose: [a]":                                     `expose.0: "a" is not a port`,
		"expose: ['80/x']":                                `expose.0: "80/x" is not a port`,
		"extra_hosts: ['a:b']":                            `extra_hosts.0: "a:b" is not a host with its address`,
		"extra_hosts: {a: b}":                             `extra_hosts.a: "b" is not an address`,
		"extra_hosts: {a: ['::1', b]}":                    `extra_hosts.a.1: "b" is not an address`,
		"working_dir: a":                                  `working_dir: "a" is not an absolute path in the container`,
		"tmpfs: a":                                        `tmpfs: "a" is not an absolute path in the container`,
		"tmpfs: [':size=1m']":                             `tmpfs.0: ":size=1m" names no path`,
		"volumes: ['./a:/']":                              "volumes.0: nothing can be mounted over the whole file system",
		"ulimits: {nofile: {soft: 2, hard: 1}}":           "ulimits.nofile: the soft limit is above the hard one",
		"ulimits: {nofile: {soft: -1, hard: 1}}":          "ulimits.nofile: the soft limit is above the hard one",
		"security_opt: [a]":                               `security_opt.0: "a" is not a security option`,
		"security_opt: ['systempaths=unconfined']":        "is not a security option of engines",
		"container_name: a":                               `container_name: "a" is not the name of a container`,
		"container_name: 'ab c'":                          `container_name: "ab c" is not the name of a container`,
		"ports: ['127.0.0.1:80:80', '127.0.0.1:80:81']":   "127.0.0.1:80 is published twice",
		"environment: {AZURE_API_VERSION: 2024-10-21}":    "environment.AZURE_API_VERSION: a date, to which docker compose would add a time of day",
		"extra_hosts: ['a:host-gateway', 'b=[::1]', c:4]": `extra_hosts.2: "c:4" is not a host`,
	} {
		t.Run(line, func(t *testing.T) {
			err, _ := refused(t, server(line))
			mustSay(t, err.Error(), "compose.yaml:4: services.letta.", says)
		})
	}
	loaded(t, server("extra_hosts: {a: host-gateway, b: '[::1]', c: [1.2.3.4, '::1']}", "expose: [80, '81-82', 53/udp]", "tmpfs: ['/x:size=1m', /y]", "working_dir: ''",
		"ulimits: {nofile: {soft: 1, hard: -1}, nproc: -1}", "security_opt: [no-new-privileges, 'label=disable', 'apparmor:unconfined']",
		"healthcheck: {test: [NONE], interval: 0s, timeout: 1ms}", "environment: {AZURE_API_VERSION: '2024-10-21'}"))
}

// What two files say of one key comes together as it does for docker compose.
func TestFilesMeetAsForDockerCompose(t *testing.T) {
	dir := folder(t, ruleFiles())
	for key, values := range map[string][]string{
		"environment": {"{A: 1, B: 2}", "{A: , C: 3}", "[A=4]", "[A, B=5]", "{A: ''}", "{}"},
		"labels":      {"{a: 1, b: 2}", "[a=3]", "{a: ''}", "[a]"},
		"env_file":    {"a", "[a.env]", "[{path: a, required: false}]", "[a, a.env]"},
		"command":     {"a b", "[c]", "[]", "~", "''"},
		"entrypoint":  {"a b", "[c]", "[]", "~"},
		"ports":       {"['8080:80']", "['127.0.0.1:8080:80']", "[{target: 80, published: 8080}]", "['80']", "['8081:80/udp', '9000-9001:80-81']", "[]"},
		"expose":      {"[80]", "['80', '81']"},
		"volumes":     {"['v:/a']", "['./b:/a']", "['v:/a:ro', './c:/c/']", "[{type: volume, source: v, target: /a/}]", "[{type: bind, source: ~/d, target: /d, read_only: true}]"},
		"tmpfs":       {"/x", "[/x, '/y:size=1m']", "['/x:size=2m']"},
		"networks":    {"[default]", "[n]", "{n: }", "{n: {aliases: [a]}}", "{n: {aliases: [a, b]}, default: {}}"},
		"extra_hosts": {"['a:1.1.1.1']", "['a=1.1.1.1', 'b:::1']", "{a: 2.2.2.2}", "{a: [1.1.1.1, 3.3.3.3]}", "['a:host-gateway']"},
		"depends_on":  {"[o]", "{o: {condition: service_started}}", "{o: {condition: service_completed_successfully, required: false}}"},
		"healthcheck": {"{test: a}", "{test: [CMD, b], interval: 5s}", "{disable: true}", "{test: [NONE]}", "{retries: 3, timeout: 1m}", "{}"},
		"ulimits":     {"{nofile: 5}", "{nofile: {soft: 1, hard: 2}}", "{nproc: 3}"},
		"cap_add":     {"[A]", "[A, B]"}, "cap_drop": {"[ALL]", "[A]"}, "security_opt": {"['label:disable']", "['label:disable', no-new-privileges]"},
		"restart": {"always", "'no'"}, "init": {"true", "false"}, "shm_size": {"1m", "2048"}, "stop_grace_period": {"1s", "2m"}, "user": {"a", "'1:2'"}, "hostname": {"a", "''"},
		"working_dir": {"/a", "/b"}, "container_name": {"aa", "bb"}, "image": {"letta/letta:1", "letta/letta:2"}, "profiles": {"[]"},
	} {
		for _, first := range values {
			for _, second := range values {
				head := "services:\n  o: {image: o}\n  letta:\n    image: letta/letta:3\n"
				if key == "image" {
					head = strings.TrimSuffix(head, "    image: letta/letta:3\n")
				}
				a, b := head+"    "+key+": "+first+"\nvolumes: {v: }\nnetworks: {n: }\n", "services:\n  letta:\n    "+key+": "+second+"\n"
				if rule(t, dir, a, b) == wrong {
					t.Errorf("%s: %s and then %s", key, first, second)
				}
			}
		}
	}
}

type verdict int

const (
	taken         verdict = iota // by both, with the same meaning
	refusedByBoth                // or here alone, for what letta-dev does not run
	wrong
)

// ruleFiles are what the env_file of a case may name.
func ruleFiles() map[string]string {
	return map[string]string{"a": "X=1\n", "a.env": "A=1\n"}
}

// rule has compose-go and us read the same files, written into the folder.
func rule(t *testing.T, dir string, contents ...string) verdict {
	t.Helper()
	o := Options{Dir: dir, Name: "p", Environ: []string{"N=5", "F=1.5", "T=true", "EMPTY=", "DOLLAR=$N", "HOME=" + os.Getenv("HOME")}}
	for i, content := range contents {
		o.Files = append(o.Files, fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(filepath.Join(dir, o.Files[i]), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := Load(t.Context(), o)
	project, theirErr := readByCompose(t, o, types.Mapping{"PWD": dir})
	var file *FileError
	switch {
	case err == nil && theirErr != nil:
		t.Errorf("taken, but docker compose says: %v", strings.ReplaceAll(theirErr.Error(), dir+string(filepath.Separator), ""))
		return wrong
	case errors.As(err, &file) && (file.File == "" || file.Line == 0):
		t.Errorf("refused without a place: %v", err)
		return wrong
	case err != nil:
		return refusedByBoth
	}
	ours.Notes, ours.Warnings = nil, nil
	if got, want := asJSON(t, ours), asJSON(t, converted(t, o, project)); got != want {
		t.Errorf("ours:\n%s\ncompose-go's:\n%s", got, want)
		return wrong
	}
	return taken
}

// placesOfTheSubset are compose files with room for one value, by the name of the place.
func placesOfTheSubset() func(func(string, string) bool) {
	inside := map[string]string{ // a mapping within a service, with what it cannot be without
		"healthcheck": "healthcheck: {%s%s}", "ports": "ports: [{%s%s}]", "volumes": "volumes: [{%s%s}]", "depends_on": "depends_on: {other: {%s%s}}",
		"env_file": "env_file: [{%s%s}]", "ulimits": "ulimits: {nofile: {%s%s}}", "networks": "networks: {default: {%s%s}}",
	}
	beside := map[string]map[string]string{
		"healthcheck": {"test": "x"}, "ports": {"target": "80"}, "volumes": {"type": "volume", "source": "v", "target": "/t"},
		"depends_on": {"condition": "service_started"}, "env_file": {"path": "a"}, "ulimits": {"soft": "1", "hard": "2"},
	}
	service := func(line string) string {
		return server(line) + "  other: {image: o}\nvolumes: {v: }\n"
	}
	return func(yield func(string, string) bool) {
		shapes := serviceShape().keys
		for key := range shapes {
			content := service(key + ": %s")
			if key == "image" {
				content = "services: {letta: {ports: [8283], image: %s}}\n"
			}
			if key != "profiles" && !yield(key, content) { // without its server no stack is taken
				return
			}
		}
		for _, one := range []string{"environment: {A: %s}", "labels: {A: %s}", "extra_hosts: {a: %s}", "ulimits: {nofile: %s}", "depends_on: {other: %s}", "networks: {default: %s}"} {
			if !yield(one, service(one)) {
				return
			}
		}
		mappings := map[string]*shape{
			"healthcheck": shapes["healthcheck"], "ports": shapes["ports"].item, "volumes": shapes["volumes"].item, "depends_on": shapes["depends_on"].free,
			"env_file": shapes["env_file"].item, "ulimits": shapes["ulimits"].free, "networks": shapes["networks"].free,
		}
		for name, s := range mappings {
			for key := range s.keys {
				others := ""
				for other, value := range beside[name] {
					if other != key {
						others += other + ": " + value + ", "
					}
				}
				if !yield(name+"."+key, service(fmt.Sprintf(inside[name], others, key+": %s"))) {
					return
				}
			}
		}
		for key := range resourceShape("").keys {
			if !yield("networks.default."+key, server()+"networks: {default: {"+key+": %s}}\n") || !yield("volumes.v."+key, server("volumes: ['v:/v']")+"volumes: {v: {"+key+": %s}}\n") {
				return
			}
		}
		for _, key := range []string{"name", "version", "networks", "volumes", "x-other"} {
			if !yield(key+" of the file", key+": %s\n"+server()) {
				return
			}
		}
	}
}

func valuesOfEveryKind() []string {
	return []string{
		"''", "a", "1", "0", "-1", "1.5", "1e3", "010", "true", "yes", "~", "[]", "{}", "2026-01-01", "99999999999", "-5s", "10s", "1us", "'10'", "64m", "/a",
		"'${N}'", "'${F}'", "'${T}'", "'$X'", "[a]", "[1]", "[true]", "[1.5]", "[~]", "['']", "[a, a]", "[1, 1]", "[/a, /a]", "[[a]]", "[{a: b}]", "{a: b}", "{a: 1}", "{a: true}", "{a: ~}", "{a: [b]}",
		"{a: {b: c}}", "{'': a}", "[A=1, A=2]", "[=a]", "[CMD, a]", "[CMD-SHELL, a]", "[NONE]", "['true']", "['80:80']", "['80:80/xyz']", "['1-2:1-3']", "[a:1.2.3.4]", "['a=::1']", "[a:b]",
		"always", "on-failure:3", "bridge", "local", "tcp", "host", "bind", "service_healthy", "127.0.0.1", "x:y",
	}
}
