package compose

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A secret may stand in every place by mistake. Wherever a file is spoken of, in errors, their advice and notes, it is not shown.
func TestNoSecretIsShown(t *testing.T) {
	for _, secret := range []string{"sk-live-51H8xSECRET", "Zx9qK"} {
		noneShows(t, secret)
	}
}

func noneShows(t *testing.T, secret string) {
	t.Helper()
	files := func(stack, dotenv string) map[string]string {
		return map[string]string{"compose.yaml": stack, ".env": dotenv, "a.env": "A=1\n"}
	}
	var cases []map[string]string
	for _, line := range []string{ // of env files
		"%s\n", "%s", "%s # note\n", " %s\r\n", "export %s\n", "%s:\n", "%s==\n", "KEY %s\n", "%s KEY=1\n", "KEY=\"%s\n", "KEY='%s\nA=1\n", "=%s\n", "KEY+%s=1\n",
		"KEY=${%s\n", "KEY=${X:?%s}\n", "KEY=${X?%s}\n", "KEY=%s$$x\n", "KEY=a$%s\n", "KEY: %s$x\n", "KEY=%s\nB=${X:?${KEY}}\n", "KEY=\"%s\" B=${\n", "LOCAL_HTTPS=%s\n",
		"COMPOSE_DISABLE_ENV_FILE=%s\n", "KEY=\\%s\n", "KEY=`%s`\n", "KEY=%s\nDOCKER_DEFAULT_PLATFORM=%s\nCOMPOSE_FILES=%s\nCOMPOSE_ENV_FILES=%s\n", "%s[0]=1\n",
	} {
		line = strings.ReplaceAll(line, "%s", secret)
		cases = append(cases, files(server(), line))
		inService := files(server("env_file: [s.env, a.env]"), "")
		inService["s.env"] = line
		cases = append(cases, inService)
	}
	for _, lines := range []string{ // of a service
		"environment: {OPENAI_API_KEY: !%s }", "environment: {OPENAI_API_KEY: *%s }", "environment: {OPENAI_API_KEY: &%s }", "environment: {OPENAI_API_KEY: %%%s }",
		"environment: {OPENAI_API_KEY: @%s }", "environment: {OPENAI_API_KEY: \"%s }", "environment: {OPENAI_API_KEY: !!%s }", "environment: {OPENAI_API_KEY: [%s]}",
		"environment: {OPENAI_API_KEY: {%s: 1}}", "environment: {OPENAI_API_KEY: \"\\%s\"}", "environment: {'OPENAI_API_KEY=%s': 1}", "environment: OPENAI_API_KEY=%s",
		"environment: ['=%s']", "environment: [' OPENAI_API_KEY=%s']", "environment: [OPENAI_API_KEY: %s]", "environment: [OPENAI_API_KEY = %s]",
		"environment: {OPENAI_API_KEY: a, 'OPENAI_API_KEY ': %s}", "environment: {OPENAI_API_KEY: a%s, OPENAI_API_KEY: b%s}", "environment: {OPENAI_API_KEY: '${%s'}",
		"environment: {OPENAI_API_KEY: '$%s '}\n    ports: [a]", "environment: {A: '${NONE:?say $KEY}'}", "environment: {A: '${NONE?$KEY}'}", "OPENAI_API_KEY=%s: ",
		"environment:\n      A: b\n      OPENAI_API_KEY=%s", "environment:\n      - A=b\n      OPENAI_API_KEY: %s", "environment: {OPENAI_API_KEY: %s: b}",
		"labels: ['=%s']", "labels: {'a=%s': }", "command: [{a: %s}]", "command: !%s a", "healthcheck: {test: [curl, '%s']}", "healthcheck: {test: {a: %s}}",
		"user: '${KEY:?}'\n    hostname: '${NONE:?}'",
		"ports: ['$KEY']", "ports: ['$KEY:80']", "ports: ['${KEY}:1:80']", "ports: [{target: $KEY}]", "ports: [{target: 80, published: $KEY}]", "ports: [{target: 80, host_ip: $KEY}]",
		"ports: [{target: 80, protocol: $KEY}]", "ports: [{target: 80, mode: $KEY}]", "volumes: ['$KEY:/a']", "volumes: ['./a:$KEY']", "volumes: ['./a:/b:$KEY']", "volumes: [$KEY]",
		"volumes: [{type: $KEY}]", "volumes: [{type: volume, source: $KEY, target: /a}]", "volumes: [{type: bind, source: a, target: $KEY}]", "volumes: ['/mnt/$KEY:/var/lib/postgresql']",
		"networks: [$KEY]", "networks: [$KEY, $KEY]", "security_opt: ['label:$KEY', 'label:$KEY']", "healthcheck: {test: [$KEY, a]}", "user: 5\n    hostname: 1", "networks: {$KEY: }", "depends_on: [$KEY]", "depends_on: {a: {condition: $KEY}}", "depends_on: {a: {required: $KEY}}", "env_file: $KEY", "env_file: [{path: $KEY}]",
		"env_file: [{path: a.env, required: $KEY}]", "healthcheck: {interval: $KEY}", "healthcheck: {retries: $KEY}", "healthcheck: {disable: $KEY}", "healthcheck: {test: ['$KEY']}",
		"restart: $KEY", "stop_grace_period: $KEY", "init: $KEY", "shm_size: $KEY", "ulimits: {nofile: $KEY}", "ulimits: {nofile: {soft: $KEY}}", "extra_hosts: [$KEY]", "extra_hosts: ['$KEY:$KEY']",
		"extra_hosts: {a: $KEY}", "security_opt: ['seccomp:$KEY']", "tmpfs: [$KEY]", "cap_add: [$KEY]", "expose: [$KEY]", "profiles: [$KEY]", "container_name: $KEY/x", "hostname: $KEY/x",
		"user: '$KEY:$KEY:$KEY'", "working_dir: $KEY", "image: '$KEY:$KEY:$KEY'", "tmpfs: ['$KEY:$KEY']", "expose: ['$KEY/$KEY']",
	} {
		cases = append(cases, files(server(strings.ReplaceAll(lines, "%s", secret)), "KEY="+secret+"\n"))
	}
	for _, rest := range []string{ // of the file
		"networks: {default: {name: '$KEY', driver: $KEY}}", "volumes: {v: {external: $KEY}}", "x-letta-dev: {hosts: ['$KEY/']}", "x-letta-dev: {cors: {origins: [$KEY]}}",
		"x-letta-dev: {listeners: [$KEY]}", "x-letta-dev: {routes: [{path: $KEY}]}", "x-letta-dev: {routes: [{path: /a/, upstream: '$KEY'}]}",
		"x-letta-dev: {headers: {request: {Authorization: \"Bearer %s\\r\"}}}", "x-letta-dev: {headers: {request: {'Authorization: %s': a}}}", "x-letta-dev: {headers: {request: {Host: %s}}}",
		"x-letta-dev: {limits: {body: $KEY, rate: 1}}", "x-letta-dev: {limits: {rate: $KEY}}", "x-letta-dev: {gzip: $KEY}", "x-letta-dev: {cache: $KEY}", "x-letta-dev: {server: $KEY}",
		"x-letta-dev: {websocket: {upstream: '$KEY'}}", "x-letta-dev: {websocket: {upstream: 'ws://u:%s@h'}}", "x-letta-dev: {websocket: {upstream: 'ws://h/?token=%s%0d'}}",
		"x-letta-dev: {routes: [{path: /a/, upstream: 'http://u:%s@h'}]}", "x-letta-dev: {routes: [{path: $KEY}, {path: $KEY}]}", "version: [$KEY]", "%s", "- %s", "name: '$KEY'\n<<: $KEY",
	} {
		cases = append(cases, files(server()+strings.ReplaceAll(rest, "%s", secret)+"\n", "KEY="+secret+"\n"))
	}
	for _, given := range cases {
		p, err := Load(t.Context(), Options{Dir: folder(t, given)})
		said := fmt.Sprint(err)
		var advised interface{ Hint() string }
		if errors.As(err, &advised) {
			said += "\n" + advised.Hint()
		} else if err != nil {
			t.Errorf("no hint: %v", err)
		}
		if p != nil {
			said = strings.Join(append(p.Notes, p.Warnings...), "\n")
		}
		if strings.Contains(strings.ToLower(said), strings.ToLower(secret)) {
			t.Errorf("%q\n shows the secret:\n%s", given, said)
		}
	}
}
