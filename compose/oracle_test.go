package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// What a file means is decided by docker compose. Each file here is read by compose-go's own loader as well, and its services
// go through our conversion in place of those we read: the projects must be equal.
func TestAgreesWithDockerCompose(t *testing.T) {
	own, err := os.ReadFile("testdata/letta-0.16.8.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][]string{
		"embedded": {string(lettaYAML)},
		"letta":    {string(own)},
		"values": {server(
			"environment: {A: 1.0, B: 0x10, C: true, D: 1e3, E: 010, F: 0o10, G: '', H: , J: ~, FROM_ENV: , K: 1_000, L: .5, M: 1e21}",
			"labels: {a: 1, b: true, c: x=y}", "command: echo 'a b' $$HOME ${UNSET-dash} ${EMPTY:-colon} ${FROM_ENV}", "entrypoint: ''")},
		"lists": {server(
			"environment:", "  - A=b=c", "  - FROM_ENV", "  - UNSET", "  - EMPTY", "  - FROM_FILE=inline", "  - DROPPED",
			"env_file: [one.env, {path: two.env, required: false}, {path: none.env, required: false}]",
			"labels: [a=b, c]", "command: []", "extra_hosts: ['a:::1', 'b=1.2.3.4', c:5.6.7.8]", "tmpfs: [/run, '/tmp:size=1m']")},
		"ports": {server("ports:", "  - 8283", "  - '127.0.0.1::8283'", "  - '9000-9001:9000-9001/udp'", "  - '[::1]:81:80'",
			"  - {target: 53, published: '5353', protocol: udp, host_ip: 10.0.0.1}", "  - '${PORT:-7000}:7000'", "  - 22:22", "  - '0.0.0.0:90:90'")},
		"volumes": {server("volumes:", "  - pg:/data/", "  - ./a:/a:ro", "  - ../b:/b:rw", "  - ~/c:/c", "  - /d:/d",
			"  - {type: bind, source: ./e, target: /e, read_only: true}", "  - {type: volume, source: pg, target: /f}") +
			"volumes: {pg: {name: 'my-${FROM_ENV}'}}\n"},
		"networks": {server("networks: {a: {aliases: [x, y]}, b: , default: }") + "networks: {a: , b: {external: true}}\n"},
		"times": {server("healthcheck: {test: pg_isready -U x, interval: 1m30s, timeout: 5s, start_period: 1h, retries: 3}",
			"stop_grace_period: 1m", "shm_size: 64m", "ulimits: {nofile: 1024, nproc: {soft: 1, hard: 2}}", "init: true", "restart: on-failure:3")},
		"words": {server("healthcheck: {test: [CMD, pg_isready]}", "restart: no", "user: '1000:1000'", "cap_add: [NET_ADMIN]",
			"cap_drop: [ALL]", "security_opt: [no-new-privileges:true]", "init: yes", "shm_size: 1024")},
		"anchors": {"x-base: &base {image: 'letta/letta:1', environment: &env {A: a, B: b}}\nservices:\n  letta:\n    <<: *base\n" +
			"    environment: {<<: [*env, {B: no, C: c}], A: own}\n  other: {<<: *base, image: 'other:1', depends_on: [letta]}\n"},
		"order": {server() + "  b: {image: b, depends_on: {c: {condition: service_healthy}, letta: {condition: service_started}}}\n  c: {image: c, healthcheck: {test: x}}\n"},
		"name":  {"name: ${X:-N}1\n" + server("hostname: h-${COMPOSE_PROJECT_NAME}")},
		"merge": {
			server("environment: {A: a, B: b}", "command: one", "ports: ['80:80', '81:81']", "volumes: ['./a:/x']", "labels: [l=1]",
				"networks: [n]", "env_file: one.env", "tmpfs: /run", "cap_add: [A]", "extra_hosts: ['h:1.1.1.1']") + "networks: {n: }\n",
			"services:\n  letta:\n    image: letta/letta:2\n" + indent([]string{"environment: [B=2, C=3]", "command: [two]",
				"ports: ['80:80', '8081:81']", "volumes: ['./b:/x', './c:/y']", "labels: {l: 2, m: 3}", "networks: {n: {aliases: [z]}, default: }",
				"env_file: [two.env]", "tmpfs: [/tmp]", "cap_add: [B, A]", "extra_hosts: {h: 2.2.2.2, i: ['::1', '::2']}",
				"healthcheck: {test: ok}"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{
				"one.env": "DROPPED=1\nFROM_FILE=one\nONE=${FROM_ENV}-${FROM_FILE}\nA=file\n", "two.env": "FROM_FILE=two\nTWO='$X'\nINHERITED\n", ".env": "DOT=env\n",
			})
			var given []string
			for i, content := range files {
				given = append(given, string(rune('a'+i))+".yaml")
				if err := os.WriteFile(filepath.Join(dir, given[i]), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			o := Options{Files: given, Dir: dir, Name: "p", Environ: []string{
				"FROM_ENV=outside", "EMPTY=", "INHERITED=too", "HOME=" + os.Getenv("HOME"), // compose-go asks the process for ~
			}}
			ours, err := Load(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			ours.Notes, ours.Warnings = nil, nil // compose-go has none on .env files
			if got, want := asJSON(t, ours), asJSON(t, theirs(t, o)); got != want {
				t.Errorf("ours:\n%s\ncompose-go's:\n%s", got, want)
			}
		})
	}
}

// theirs is the project of o with services, networks and volumes as compose-go's loader has them.
func theirs(t *testing.T, o Options) *Project {
	t.Helper()
	project, err := readByCompose(t, o, types.Mapping{"DOT": "env"})
	if err != nil {
		t.Errorf("compose-go: %v", err)
		return nil
	}
	return converted(t, o, project)
}

// readByCompose has compose-go's own loader read the files of o, with its schema. A panic of its is an error.
func readByCompose(t *testing.T, o Options, env types.Mapping) (p *types.Project, err error) {
	t.Helper()
	for _, e := range o.Environ {
		k, v, _ := strings.Cut(e, "=")
		env[k] = v
	}
	details := types.ConfigDetails{WorkingDir: o.Dir, Environment: env}
	for _, f := range o.Files {
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: filepath.Join(o.Dir, f)})
	}
	logged(func() {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		p, err = loader.LoadWithContext(t.Context(), details, func(lo *loader.Options) { lo.SetProjectName(o.Name, true) })
	})
	return p, err
}

// converted takes a project of compose-go through our own conversion.
func converted(t *testing.T, o Options, project *types.Project) *Project {
	t.Helper()
	l := &loading{project: &Project{Name: o.Name}, dir: o.Dir, reader: &reader{at: map[string]position{}}, model: &model{
		Services: project.Services, Networks: project.Networks, Volumes: project.Volumes,
	}}
	for _, f := range o.Files {
		l.project.Files = append(l.project.Files, filepath.Join(o.Dir, f))
	}
	for name := range project.AllServices() {
		l.reader.at["services."+name] = position{}
	}
	for name, s := range l.model.Services {
		s.EnvFiles = nil // already in the environment
		l.model.Services[name] = s
	}
	l.leaveOutNginx()
	for _, step := range []func() error{l.resources, l.services, l.server, l.publish, l.order} {
		if err := step(); err != nil {
			t.Error(err)
		}
	}
	l.project.Notes, l.project.Warnings = nil, nil
	return l.project
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
