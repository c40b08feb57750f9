package compose

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/distribution/reference"
)

// Server is the service that is the Letta server; changes to it are changes to p. It is nil only in a Project that Load did not make.
func (p *Project) Server() *Service {
	for i := range p.Services {
		if p.Services[i].Name == p.Settings.Server {
			return &p.Services[i]
		}
	}
	return nil
}

// AllowOrigins adds web origins to those the service answers with CORS headers: ACCEPTABLE_ORIGINS is a comma list that Letta
// adds to its own, and splits without trimming (settings.py of 0.16.8), so spaces are taken out.
func (s *Service) AllowOrigins(origins ...string) {
	var all []string
	for _, o := range append(strings.Split(s.Environment["ACCEPTABLE_ORIGINS"], ","), origins...) {
		if o = strings.TrimSpace(o); o != "" && !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	if len(all) == 0 {
		return
	}
	if s.Environment == nil {
		s.Environment = map[string]string{}
	}
	s.Environment["ACCEPTABLE_ORIGINS"] = strings.Join(all, ",")
}

// server finds the Letta server: named in x-letta-dev, else the one with Letta's image, else the one with Letta's port.
func (l *loading) server() error {
	p := l.project
	if p.Settings.Server == "" {
		name, err := l.findServer()
		if err != nil {
			return err
		}
		p.Settings.Server = name
	}
	s := p.Server()
	if s == nil {
		return l.reader.failAt("x-letta-dev.server", "", "there is no service %q", p.Settings.Server)
	}
	l.noteDatabasePort(s)
	delete(s.Environment, "LOCAL_HTTPS") // the proxy ends TLS, and speaks plain HTTP to the server
	return nil
}

// noteDatabasePort warns of the trap in Letta's own compose.yaml: LETTA_PG_PORT there is the database's port on the host, and
// also the port in the server's LETTA_PG_URI, where the one inside the container belongs.
func (l *loading) noteDatabasePort(server *Service) {
	u, err := url.Parse(server.Environment["LETTA_PG_URI"])
	if err != nil || u.Port() == "" {
		return
	}
	for _, db := range l.project.Services {
		named := db.Hostname == u.Hostname() || slices.ContainsFunc(db.Networks, func(a Attachment) bool {
			return slices.Contains(a.Aliases, u.Hostname())
		})
		listens := slices.ContainsFunc(db.Ports, func(p Port) bool { return strconv.Itoa(p.Target) == u.Port() })
		if named && len(db.Ports) > 0 && !listens {
			l.note("%s: the port in LETTA_PG_URI is not %d, on which %s listens; is LETTA_PG_PORT set?", server.Name, db.Ports[0].Target, db.Name)
		}
	}
}

func (l *loading) findServer() (string, error) {
	by := func(is func(Service) bool) (names []string) {
		for _, s := range l.project.Services {
			if is(s) {
				names = append(names, s.Name)
			}
		}
		return names
	}
	found := by(func(s Service) bool { return repository(s.Image) == "letta/letta" })
	if len(found) == 0 {
		found = by(func(s Service) bool {
			return slices.ContainsFunc(s.Ports, func(p Port) bool { return p.Target == lettaPort })
		})
	}
	const advice = "name it in the file:  x-letta-dev: { server: SERVICE }"
	switch len(found) {
	case 0:
		return "", l.reader.failAt("services", advice, "none of them is the Letta server: no image letta/letta, no port %d", lettaPort)
	case 1:
		return found[0], nil
	}
	return "", l.reader.failAt("services", advice, "which is the Letta server: %s", strings.Join(found, " or "))
}

// leaveOutNginx drops the nginx of Letta's own compose.yaml, whose work the proxy does. The rule is narrow, because any other
// nginx is somebody's own: this key, and nginx's own image.
func (l *loading) leaveOutNginx() {
	for _, name := range []string{"letta_nginx", "letta-nginx"} {
		s, ok := l.model.Services[name]
		if !ok || repository(s.Image) != "library/nginx" {
			continue
		}
		delete(l.model.Services, name)
		for _, other := range l.model.Services {
			delete(other.DependsOn, name)
		}
		l.note("%s is left out: letta-dev's own proxy does its work", name)
	}
}

// repository is the name of an image without registry and tag: letta/letta, library/nginx.
func repository(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	return reference.Path(named)
}
