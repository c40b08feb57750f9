package orchestrator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/letta-dev/letta-dev/compose"
)

// LabelRole marks the container that is the Letta server itself, with the value RoleServer.
const (
	LabelRole  = "dev.letta.role"
	RoleServer = "server"
)

// Want is a stack as the engine should hold it.
type Want struct {
	Project  string
	Services []Spec   // in start order
	Server   string   // the service that is the Letta server; empty when the stack has none
	Networks []string // to be made where absent
	Volumes  []string // to be made where absent
	External []Thing  // used, never made
	// Archives holds, by reference, the images that are loaded from this machine instead of pulled.
	Archives map[string]func(io.Writer) error
}

// Thing is a network or a volume that somebody else made.
type Thing struct{ Kind, Name string }

// WantOf turns a stack into what the engine should hold: names resolved, our labels added.
func WantOf(p *compose.Project) Want {
	w := Want{Project: p.Name, Server: p.Settings.Server}
	networks, volumes := map[string]string{}, map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(p.Networks)) {
		n := p.Networks[key]
		networks[key] = n.Name
		w.own(n.External, "network", n.Name, &w.Networks)
	}
	for _, key := range slices.Sorted(maps.Keys(p.Volumes)) {
		v := p.Volumes[key]
		volumes[key] = v.Name
		w.own(v.External, "volume", v.Name, &w.Volumes)
	}
	for _, s := range p.Services {
		if s.Name == w.Server {
			s = w.placeDatabase(s, volumes)
		}
		spec := Spec{Service: s, NetworkNames: networks, VolumeNames: volumes}
		spec.OurLabels = labelsOf(p.Name, spec)
		if s.Name == w.Server {
			spec.OurLabels[LabelRole] = RoleServer
		}
		if p.Dir != "" {
			spec.OurLabels[LabelFolder] = p.Dir
		}
		w.Services = append(w.Services, spec)
	}
	return w
}

const (
	// databaseFolder is a VOLUME of Letta's image: a container that mounts nothing there gets a nameless volume from the engine.
	databaseFolder = "/var/lib/postgresql/data"
	// databaseVolume is the key of the volume that is there where the file names none.
	databaseVolume = "letta_data"
	// databaseURI is the variable of a server whose database is elsewhere. Without it Postgres runs inside the server's container.
	databaseURI = "LETTA_PG_URI"
)

// placeDatabase mounts something where the image wants a volume and the file has none. For a server with its own database that is a
// volume of the project: a nameless one belongs to one container, and nobody would find the data behind `down`, or behind a changed
// variable. For one whose database is elsewhere it is memory, so that not every container leaves an empty volume behind.
func (w *Want) placeDatabase(s compose.Service, volumes map[string]string) compose.Service {
	isThere := func(m compose.Mount) bool { return m.Target == databaseFolder }
	isMemory := func(entry string) bool { path, _, _ := strings.Cut(entry, ":"); return path == databaseFolder }
	switch {
	case slices.ContainsFunc(s.Mounts, isThere), slices.ContainsFunc(s.Tmpfs, isMemory), IsDemoImage(s.Image):
	case s.Environment[databaseURI] != "":
		s.Tmpfs = append(slices.Clip(s.Tmpfs), databaseFolder)
	default:
		if volumes[databaseVolume] == "" {
			volumes[databaseVolume] = w.Project + "_" + databaseVolume
			w.own(false, "volume", volumes[databaseVolume], &w.Volumes)
		}
		s.Mounts = append(slices.Clip(s.Mounts), compose.Mount{Kind: "volume", Source: databaseVolume, Target: databaseFolder})
	}
	return s
}

func (w *Want) own(external bool, kind, name string, ours *[]string) {
	if external {
		w.External = append(w.External, Thing{kind, name})
		return
	}
	*ours = append(*ours, name)
}

// Query is what Observe must look at to compare the engine with w.
func (w Want) Query() Query {
	q := Query{Project: w.Project, Networks: w.Networks, Volumes: w.Volumes}
	for _, s := range w.Services {
		q.Names = append(q.Names, s.ContainerName)
		if !slices.Contains(q.Images, s.Image) {
			q.Images = append(q.Images, s.Image)
		}
	}
	for _, t := range w.External {
		if t.Kind == "network" {
			q.Networks = append(q.Networks, t.Name)
		} else {
			q.Volumes = append(q.Volumes, t.Name)
		}
	}
	return q
}

func labelsOf(project string, s Spec) Labels {
	fields := encodeFields(s.fields())
	return Labels{
		LabelManaged: "true",
		LabelProject: project,
		LabelService: s.Name,
		LabelFields:  fields,
		LabelHash:    shortHash(fields, 16),
	}
}

// fields are the parts of a container's configuration that need a new container when they change, each by the name a person
// knows it by. Variables are fields of their own, so that a plan can say which one changed without showing its value.
func (s Spec) fields() map[string]any {
	f := map[string]any{
		"image": s.Image, "name": s.ContainerName, "entrypoint": s.Entrypoint, "command": s.Command, "ports": s.Ports,
		"tmpfs": s.Tmpfs, "hostname": s.Hostname, "user": s.User, "working_dir": s.WorkingDir, "extra_hosts": s.ExtraHosts,
		"healthcheck": s.Healthcheck, "restart": s.Restart, "stop_grace_period": s.StopGrace, "labels": s.Labels,
		"init": s.Init, "shm_size": s.ShmSize, "ulimits": s.Ulimits, "cap_add": s.CapAdd, "cap_drop": s.CapDrop,
		"security_opt": s.SecurityOpt,
	}
	var mounts, networks []any
	for _, m := range s.Mounts {
		if m.Kind == "volume" {
			m.Source = s.VolumeNames[m.Source]
		}
		mounts = append(mounts, m)
	}
	for _, n := range s.Service.Networks {
		n.Network = s.NetworkNames[n.Network]
		networks = append(networks, n)
	}
	f["volumes"], f["networks"] = mounts, networks
	for k, v := range s.Environment {
		f["variable "+k] = v
	}
	return f
}

// encodeFields writes fields as one label: a JSON object of short hashes, without those that say nothing.
func encodeFields(fields map[string]any) string {
	hashes := map[string]string{}
	for name, value := range fields {
		b, err := json.Marshal(value)
		if err != nil { // strings, numbers and slices of them always marshal
			panic(fmt.Sprintf("orchestrator: field %s: %v", name, err))
		}
		switch string(b) {
		case `null`, `""`, `0`, `false`, `[]`, `{}`:
		default:
			hashes[name] = shortHash(string(b), 8)
		}
	}
	b, err := json.Marshal(hashes) // keys come out sorted
	if err != nil {
		panic(fmt.Sprintf("orchestrator: fields: %v", err))
	}
	return string(b)
}

func shortHash(s string, digits int) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])[:digits]
}

// What is read of an old label at most, in bytes: more than any stack has.
const (
	maxLabel     = 64 << 10
	maxFieldName = 200
)

// plain says whether a field's name can stand in a plan: all that encodeFields writes can, and what could give a terminal an order
// cannot.
func plain(name string) bool {
	return len(name) <= maxFieldName && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// changes names the fields that differ between two labels that encodeFields wrote. The old one comes from the engine, where
// anybody may have written it: what cannot be read counts as one change.
func changes(old, new string) string {
	const some = "its configuration changed"
	var a, b map[string]string
	if len(old) > maxLabel || json.Unmarshal([]byte(old), &a) != nil || json.Unmarshal([]byte(new), &b) != nil {
		return some
	}
	for name := range a {
		if !plain(name) {
			return some
		}
	}
	var said []string
	for _, name := range slices.Sorted(maps.Keys(b)) {
		switch was, there := a[name]; {
		case !there:
			said = append(said, name+" was added")
		case was != b[name]:
			said = append(said, name+" changed")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if _, there := b[name]; !there {
			said = append(said, name+" was removed")
		}
	}
	if len(said) == 0 {
		return some
	}
	return strings.Join(said, ", ")
}
