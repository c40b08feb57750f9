package compose

import "fmt"

// resources fills in the networks and volumes that the services use; what none uses is not made, as for compose.
func (l *loading) resources() error {
	p := l.project
	p.Networks, p.Volumes = map[string]Network{}, map[string]Volume{}
	for service, s := range l.model.Services {
		for key := range networksOf(s) {
			declared, ok := l.model.Networks[key]
			if !ok && key != "default" {
				at := fmt.Sprintf("services.%s.networks", service)
				return l.reader.failAt(at, "", "the network %q is not declared under networks", key)
			}
			p.Networks[key] = Network{Name: l.resourceName(key, declared.Name, bool(declared.External)), External: bool(declared.External)}
		}
		for i, v := range s.Volumes {
			if v.Type != "volume" || v.Source == "" {
				continue
			}
			declared, ok := l.model.Volumes[v.Source]
			if !ok {
				at := fmt.Sprintf("services.%s.volumes.%d", service, i)
				return l.reader.failAt(at, "", "the volume %q is not declared under volumes", v.Source)
			}
			p.Volumes[v.Source] = Volume{Name: l.resourceName(v.Source, declared.Name, bool(declared.External)), External: bool(declared.External)}
		}
	}
	return nil
}

func (l *loading) resourceName(key, named string, external bool) string {
	switch {
	case named != "":
		return named
	case external:
		return key
	}
	return l.project.Name + "_" + key
}
