package compose

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// OwnLabels begins the labels that letta-dev knows its own containers by; one that came from a file could pass for ours.
const OwnLabels = "dev.letta."

type serviceConfig = types.ServiceConfig

// services converts the services of the model, by name; order sorts them later.
func (l *loading) services() error {
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(l.model.Services)) {
		s, err := l.service(name, l.model.Services[name])
		if err != nil {
			return err
		}
		if other, twice := taken[s.ContainerName]; twice {
			return l.reader.failAt("services."+name, "", "its container would have the name of %s's: %s", other, s.ContainerName)
		}
		taken[s.ContainerName] = name
		l.project.Services = append(l.project.Services, s)
	}
	if len(l.project.Services) == 0 {
		return l.reader.failAt("services", "", "there is no service to run")
	}
	return nil
}

func (l *loading) service(name string, c serviceConfig) (Service, error) {
	at := "services." + name
	if c.Image == "" {
		return Service{}, l.reader.failAt(at, "", "it names no image")
	}
	s := Service{
		Name: name, ContainerName: l.containerName(name, c.ContainerName), Image: c.Image,
		Entrypoint: c.Entrypoint, Command: c.Command, Tmpfs: c.Tmpfs,
		Hostname: c.Hostname, User: c.User, WorkingDir: c.WorkingDir, ExtraHosts: c.ExtraHosts.AsList(":"),
		Healthcheck: healthcheck(c.HealthCheck), Restart: c.Restart, StopGrace: length(c.StopGracePeriod), Labels: c.Labels, Init: c.Init != nil && *c.Init,
		ShmSize: int64(c.ShmSize), CapAdd: c.CapAdd, CapDrop: c.CapDrop, SecurityOpt: c.SecurityOpt,
		Networks: attachments(name, c), Ulimits: ulimits(c.Ulimits), DependsOn: dependencies(c),
	}
	slices.Sort(s.ExtraHosts)
	for key := range s.Labels {
		if strings.HasPrefix(key, OwnLabels) {
			return s, l.reader.failAt(at+".labels."+key, "", "labels that begin with %s are letta-dev's own", OwnLabels)
		}
	}
	var err error
	if s.Environment, err = l.environmentOf(name, c); err != nil {
		return s, err
	}
	if s.Ports, err = l.ports(name, c); err != nil {
		return s, err
	}
	if s.Mounts, err = l.mounts(name, c); err != nil {
		return s, err
	}
	return s, l.checkTargets(s)
}

// checkTargets finds two things that are mounted in one place.
func (l *loading) checkTargets(s Service) error {
	taken := map[string]bool{}
	take := func(key string, i int, target string) error {
		target = path.Clean(target)
		at := fmt.Sprintf("services.%s.%s.%d", s.Name, key, i)
		switch {
		case target == "/":
			return l.reader.failAt(at, "", "nothing can be mounted over the whole file system of a container")
		case taken[target]:
			return l.reader.failAt(at, "", "something is mounted on %s already", target)
		}
		taken[target] = true
		return nil
	}
	for i, tmpfs := range s.Tmpfs {
		target, _, _ := strings.Cut(tmpfs, ":")
		if err := take("tmpfs", i, target); err != nil {
			return err
		}
	}
	for i, m := range s.Mounts {
		if err := take("volumes", i, m.Target); err != nil {
			return err
		}
	}
	return nil
}

// environmentOf is env_file under environment, without what is empty: Letta takes OPENAI_BASE_URL="" for a URL, and
// LETTA_REDIS_PORT="" ends it at once, while its own compose.yaml passes every variable on, set or not.
func (l *loading) environmentOf(name string, c serviceConfig) (map[string]string, error) {
	env := map[string]string{}
	if err := l.envFiles(name, c, env); err != nil {
		return nil, err
	}
	for key, value := range c.Environment {
		if value != nil {
			env[key] = *value
		} else if outside, ok := l.variable(key); ok {
			env[key] = outside
		} else {
			delete(env, key) // named without a value, and nobody has one: not set, whatever env_file says
		}
	}
	maps.DeleteFunc(env, func(_, value string) bool { return value == "" })
	return env, nil
}

// mounts resolves the volumes of a service.
func (l *loading) mounts(name string, c serviceConfig) ([]Mount, error) {
	var all []Mount
	for i, v := range c.Volumes {
		at := fmt.Sprintf("services.%s.volumes.%d", name, i)
		m := Mount{Kind: v.Type, Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly}
		switch {
		case !strings.HasPrefix(m.Target, "/"):
			return nil, l.reader.failAt(at, "", "%q is not an absolute path in the container", m.Target)
		case m.Source == "":
			return nil, l.reader.failAt(at, "", "a volume without a name would be lost with its container: write NAME:%s", m.Target)
		case m.Kind == types.VolumeTypeBind:
			m.Source = l.hostPath(m.Source, at)
			l.noteDrvfs(at, m)
		}
		m.Target = path.Clean(m.Target)
		all = append(all, m)
	}
	return all, nil
}

// noteDrvfs warns of a database on a Windows drive under WSL, where Postgres cannot take ownership of its files.
// https://github.com/letta-ai/letta/issues/1345
func (l *loading) noteDrvfs(path string, m Mount) {
	if strings.HasPrefix(m.Source, "/mnt/") && strings.Contains(m.Target, "postgresql") {
		at, _ := l.reader.where(path)
		l.note("%s: Postgres fails on a Windows drive; a named volume works", place(at.file, at.line))
	}
}

// hostPath is a path of the file on this machine: ~ is the home folder, and the rest is seen from the folder of the first file. Without
// a home folder it is a name like any other, as for docker compose, which warns of it. path is where the files name it; empty for a variable.
func (l *loading) hostPath(p, path string) string {
	if rest, ok := strings.CutPrefix(p, "~"); ok && (rest == "" || rest[0] == '/' || rest[0] == filepath.Separator) {
		for _, home := range []string{l.env.environ["HOME"], l.env.environ["USERPROFILE"]} {
			if home != "" {
				return filepath.Join(home, rest)
			}
		}
		at := ""
		if path != "" {
			pos, _ := l.reader.where(path)
			at = place(pos.file, pos.line) + ": "
		}
		l.warn(fmt.Sprintf("%sa path begins with ~, and HOME is not set: it is taken for a folder named ~ in %s", at, l.dir))
	}
	return within(l.dir, p)
}

func networksOf(c serviceConfig) map[string]*types.ServiceNetworkConfig {
	if len(c.Networks) == 0 {
		return map[string]*types.ServiceNetworkConfig{"default": nil}
	}
	return c.Networks
}

func attachments(service string, c serviceConfig) []Attachment {
	var all []Attachment
	networks := networksOf(c)
	for _, key := range slices.Sorted(maps.Keys(networks)) {
		a := Attachment{Network: key, Aliases: []string{service}}
		if n := networks[key]; n != nil {
			a.Aliases = append(a.Aliases, n.Aliases...)
		}
		all = append(all, a)
	}
	return all
}

func dependencies(c serviceConfig) []Dependency {
	var all []Dependency
	for _, name := range slices.Sorted(maps.Keys(c.DependsOn)) {
		all = append(all, Dependency{Service: name, Condition: c.DependsOn[name].Condition, Optional: !c.DependsOn[name].Required})
	}
	return all
}

func ulimits(limits map[string]*types.UlimitsConfig) []Ulimit {
	var all []Ulimit
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		u := limits[name]
		if u.Single != 0 {
			u.Soft, u.Hard = u.Single, u.Single
		}
		all = append(all, Ulimit{Name: name, Soft: int64(u.Soft), Hard: int64(u.Hard)})
	}
	return all
}

func healthcheck(c *types.HealthCheckConfig) *Healthcheck {
	if c == nil {
		return nil
	}
	if c.Disable {
		return &Healthcheck{Test: []string{"NONE"}}
	}
	h := &Healthcheck{
		Test: c.Test, Interval: length(c.Interval), Timeout: length(c.Timeout), StartPeriod: length(c.StartPeriod),
	}
	if c.Retries != nil {
		h.Retries = int(*c.Retries)
	}
	return h
}

func length(d *types.Duration) time.Duration {
	if d == nil {
		return 0
	}
	return time.Duration(*d)
}
