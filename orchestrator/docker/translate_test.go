package docker

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// request is the part of the API's request a test looks at, by path: "HostConfig.Init".
func request(t *testing.T, c creation) map[string]any {
	t.Helper()
	b, err := json.Marshal(map[string]any{
		"Config": c.options.Config, "HostConfig": c.options.HostConfig, "NetworkingConfig": c.options.NetworkingConfig, "Name": c.options.Name,
	})
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// at is the JSON of what stands at a path.
func at(m map[string]any, path string) string {
	var v any = m
	for _, key := range strings.Split(path, " ") {
		inner, _ := v.(map[string]any)
		v = inner[key]
	}
	b, _ := json.Marshal(v)
	return string(b)
}

func TestTranslate(t *testing.T) {
	s := orchestrator.Spec{
		Service: compose.Service{
			Name: "letta_server", Image: "letta/letta:0.16.8", Entrypoint: []string{"/e"}, Command: []string{"-c", "x y"},
			Environment: map[string]string{"B": "2", "A": "1=1"}, Hostname: "h", User: "1000:1000", WorkingDir: "/w",
			Ports: []compose.Port{
				{Target: 8283, HostIP: "127.0.0.1", Protocol: "tcp"}, {Target: 8283, HostIP: "::1", HostPort: 5000, Protocol: "tcp"},
				{Target: 53, HostIP: "0.0.0.0", HostPort: 53, Protocol: "udp"},
			},
			Mounts: []compose.Mount{
				{Kind: "volume", Source: "data", Target: "/data", ReadOnly: true}, {Kind: "bind", Source: "/src", Target: "/dst"},
				{Kind: "bind", Source: `C:\src`, Target: "/c", ReadOnly: true}, {Kind: "bind", Source: "/a:b", Target: "/colon"},
			},
			Tmpfs:    []string{"/run", "/tmp:size=64m,mode=1777"},
			Networks: []compose.Attachment{{Network: "default", Aliases: []string{"letta_server", "letta"}}, {Network: "back"}},
			Labels:   map[string]string{"team": "red", orchestrator.LabelManaged: "forged"}, Restart: "on-failure:3",
			ExtraHosts: []string{"host.docker.internal:host-gateway"}, StopGrace: 1500 * time.Millisecond, Init: true, ShmSize: 1 << 20,
			Healthcheck: &compose.Healthcheck{Test: []string{"CMD", "x"}, Interval: time.Second, Retries: 2},
			Ulimits:     []compose.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}}, CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"ALL"},
			SecurityOpt: []string{"no-new-privileges:true"},
		},
		NetworkNames: map[string]string{"default": "p_default", "back": "p_back"}, VolumeNames: map[string]string{"data": "p_data"},
		OurLabels: orchestrator.Labels{orchestrator.LabelManaged: "true", orchestrator.LabelProject: "p"},
	}
	c, err := translate("letta-server", s)
	if err != nil {
		t.Fatal(err)
	}
	m := request(t, c)
	for path, want := range map[string]string{
		"Name": `"letta-server"`, "Config Image": `"letta/letta:0.16.8"`, "Config Entrypoint": `["/e"]`, "Config Cmd": `["-c","x y"]`,
		"Config Env": `["A=1=1","B=2"]`, "Config Hostname": `"h"`, "Config User": `"1000:1000"`, "Config WorkingDir": `"/w"`,
		"Config ExposedPorts":                                `{"53/udp":{},"8283/tcp":{}}`,
		"HostConfig PortBindings 53/udp":                     `[{"HostIp":"0.0.0.0","HostPort":"53"}]`,
		"HostConfig PortBindings 8283/tcp":                   `[{"HostIp":"127.0.0.1","HostPort":"0"},{"HostIp":"::1","HostPort":"5000"}]`,
		"HostConfig Binds":                                   `["/src:/dst","C:\\src:/c:ro"]`,
		"HostConfig Mounts":                                  `[{"ReadOnly":true,"Source":"p_data","Target":"/data","Type":"volume"},{"Source":"/a:b","Target":"/colon","Type":"bind"}]`,
		"HostConfig Tmpfs":                                   `{"/run":"","/tmp":"size=64m,mode=1777"}`,
		"HostConfig NetworkMode":                             `"p_default"`,
		"NetworkingConfig EndpointsConfig p_default Aliases": `["letta_server","letta"]`,
		"NetworkingConfig EndpointsConfig p_back":            "null",
		"Config Labels":                                      `{"dev.letta.managed":"true","dev.letta.project":"p","team":"red"}`,
		"HostConfig RestartPolicy":                           `{"MaximumRetryCount":3,"Name":"on-failure"}`,
		"HostConfig ExtraHosts":                              `["host.docker.internal:host-gateway"]`, "Config StopTimeout": "2", "HostConfig Init": "true",
		"HostConfig ShmSize": "1048576", "Config Healthcheck": `{"Interval":1000000000,"Retries":2,"Test":["CMD","x"]}`,
		"HostConfig Ulimits": `[{"Hard":2,"Name":"nofile","Soft":1}]`, "HostConfig CapAdd": `["NET_ADMIN"]`, "HostConfig CapDrop": `["ALL"]`,
		"HostConfig SecurityOpt": `["no-new-privileges:true"]`,
	} {
		if got := at(m, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	c.options.HostConfig.ExtraHosts[0] = "" // as Podman's translation does
	if s.ExtraHosts[0] == "" {
		t.Error("the specification shares its list with the request")
	}
	if len(c.join) != 1 || c.join[0].network != "p_back" || strings.Join(c.join[0].endpoint.Aliases, " ") != "letta_server" {
		t.Errorf("joined later: %+v", c.join)
	}
}

// What a file does not say is left to the engine, and never said as an empty value.
func TestTranslateNothing(t *testing.T) {
	c, err := translate("n", orchestrator.Spec{Service: compose.Service{Image: "i"}})
	if err != nil {
		t.Fatal(err)
	}
	m := request(t, c)
	for _, path := range []string{"Config Env", "Config Cmd", "Config Entrypoint", "Config Healthcheck", "Config StopTimeout", "HostConfig Init", "HostConfig Binds", "NetworkingConfig"} {
		if got := at(m, path); got != "null" {
			t.Errorf("%s is %s", path, got)
		}
	}
}

func TestTranslateRefuses(t *testing.T) {
	port := func(p compose.Port) compose.Service { return compose.Service{Ports: []compose.Port{p}} }
	for want, s := range map[string]compose.Service{
		`port 8283 is to be published on ""`:          port(compose.Port{Target: 8283, Protocol: "tcp"}),
		`port 8283 is to be published on "localhost"`: port(compose.Port{Target: 8283, HostIP: "localhost", Protocol: "tcp"}),
		"port 0/tcp":                port(compose.Port{HostIP: "127.0.0.1", Protocol: "tcp"}),
		"port 70000/tcp":            port(compose.Port{Target: 70000, HostIP: "127.0.0.1", Protocol: "tcp"}),
		"port 80/":                  port(compose.Port{Target: 80, HostIP: "127.0.0.1"}),
		`volume "data" has no name`: {Mounts: []compose.Mount{{Kind: "volume", Source: "data"}}},
		`mount of kind "npipe"`:     {Mounts: []compose.Mount{{Kind: "npipe"}}},
		`network "net" has no name`: {Networks: []compose.Attachment{{Network: "net"}}},
		`restart "on-failure:x"`:    {Restart: "on-failure:x"},
	} {
		if _, err := translate("n", orchestrator.Spec{Service: s}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}

func TestQualify(t *testing.T) {
	id := "sha256:" + strings.Repeat("ab", 32)
	for ref, want := range map[string]string{
		"letta/letta:0.16.8": "docker.io/letta/letta:0.16.8", "redis": "docker.io/library/redis:latest", "localhost/x:1": "localhost/x:1",
		"ghcr.io/a/b": "ghcr.io/a/b:latest", "UPPER": "UPPER", id[7:]: id[7:],
	} {
		if got := (&Engine{podman: true}).qualify(ref); got != want {
			t.Errorf("podman: %s became %s", ref, got)
		}
		if got := (&Engine{}).qualify(ref); got != ref {
			t.Errorf("docker: %s became %s", ref, got)
		}
	}
}

// A folder that is missing is made, as compose does; a file that is missing must not become a folder.
func TestMountsOfFiles(t *testing.T) {
	for target, asMount := range map[string]bool{
		"/docker-entrypoint-initdb.d/init.sql": true, "/etc/nginx/nginx.conf": true, "/app/.env.local": true,
		"/data": false, "/etc/conf.d": false, "/root/.letta": false, "/var/lib/postgresql/data": false, "/": false,
	} {
		c, err := translate("x", orchestrator.Spec{Service: compose.Service{Mounts: []compose.Mount{{Kind: "bind", Source: "/src", Target: target}}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(c.options.HostConfig.Mounts) == 1; got != asMount {
			t.Errorf("%s: as a mount is %v", target, got)
		}
	}
}
