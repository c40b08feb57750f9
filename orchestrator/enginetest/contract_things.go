package enginetest

import (
	"errors"
	"io"
	"testing"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

func loads(t *testing.T, s subject) {
	s.must(t, orchestrator.Step{Action: orchestrator.Load, Target: s.Image, Archive: s.Archive})
	absent := "localhost/" + s.Prefix + "absent:1"
	o := s.observe(t, orchestrator.Query{Images: []string{s.Image, absent}})
	if o.Images[s.Image].ID == "" {
		t.Error("the image is not there after a load")
	}
	if id, found := o.Images[absent]; found {
		t.Errorf("an image that was never loaded is there: %+v", id)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Pull, Target: s.Image}) // it is there: nothing to pull
	broken := errors.New("no more bytes")
	err := s.do(orchestrator.Step{Action: orchestrator.Load, Target: absent, Archive: func(io.Writer) error { return broken }})
	if !errors.Is(err, broken) {
		t.Errorf("an archive that cannot be written: got %v", err)
	}
}

func refusesUnknownImages(t *testing.T, s subject) {
	ref := "127.0.0.1:1/" + s.Prefix + "unknown:1" // no registry is there
	var pull *orchestrator.PullError
	if err := s.do(orchestrator.Step{Action: orchestrator.Pull, Target: ref}); !errors.As(err, &pull) || pull.Image != ref {
		t.Errorf("pulling it: want a PullError, got %v", err)
	}
	spec := s.spec("serve")
	spec.Image = ref
	s.discard(t, s.Prefix+"unknown")
	if err := s.do(orchestrator.Step{Action: orchestrator.Create, Target: s.Prefix + "unknown", Spec: spec}); err == nil {
		t.Error("a container was made from an image that is not there")
	}
}

func sparesForeignImages(t *testing.T, s subject) {
	var foreign *orchestrator.ForeignError
	if err := s.do(orchestrator.Step{Action: orchestrator.RemoveImage, Target: s.Image}); !errors.As(err, &foreign) {
		t.Errorf("removing it: want a ForeignError, got %v", err)
	}
	if s.observe(t, orchestrator.Query{Images: []string{s.Image}}).Images[s.Image].ID == "" {
		t.Error("the image is gone")
	}
	s.must(t, orchestrator.Step{Action: orchestrator.RemoveImage, Target: orchestrator.DemoImage + ":absent"}) // there is none: nothing to do
}

func makesStores(t *testing.T, s subject) {
	name := s.Prefix + "store"
	s.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: name}, orchestrator.Step{Action: orchestrator.RemoveVolume, Target: name})
	longer, other := name+"-longer", s.as("other") // engines look names up by a part of them
	other.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: longer})
	other.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: longer})
	for range 2 { // the second time nothing is to do
		s.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: name})
		s.must(t, orchestrator.Step{Action: orchestrator.CreateVolume, Target: name})
	}
	o := s.observe(t, orchestrator.Query{})
	if !o.Networks[name].Ours(s.project) || !o.Volumes[name].Ours(s.project) {
		t.Errorf("the project's own are not seen: networks %v, volumes %v", o.Networks, o.Volumes)
	}
	if _, seen := other.observe(t, orchestrator.Query{}).Networks[name]; seen {
		t.Error("another project sees the network without asking for it")
	}
	for range 2 {
		s.must(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: name})
		s.must(t, orchestrator.Step{Action: orchestrator.RemoveVolume, Target: name})
	}
	o = s.observe(t, orchestrator.Query{Networks: []string{name}, Volumes: []string{name}})
	if len(o.Networks) != 0 || len(o.Volumes) != 0 {
		t.Errorf("removed, and still there: %v %v", o.Networks, o.Volumes)
	}
}

func sparesForeignStores(t *testing.T, s subject) {
	name, other := s.Prefix+"foreign", s.as("other")
	other.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: name}, orchestrator.Step{Action: orchestrator.RemoveVolume, Target: name})
	other.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: name})
	other.must(t, orchestrator.Step{Action: orchestrator.CreateVolume, Target: name})

	wantForeign(t, s.do(orchestrator.Step{Action: orchestrator.CreateNetwork, Target: name}), "network")
	wantForeign(t, s.do(orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: name}), "network")
	wantForeign(t, s.do(orchestrator.Step{Action: orchestrator.CreateVolume, Target: name}), "volume")
	wantForeign(t, s.do(orchestrator.Step{Action: orchestrator.RemoveVolume, Target: name}), "volume")

	o := s.observe(t, orchestrator.Query{Networks: []string{name}, Volumes: []string{name}})
	if !o.Networks[name].Ours(other.project) || !o.Volumes[name].Ours(other.project) {
		t.Errorf("they were touched: networks %v, volumes %v", o.Networks, o.Volumes)
	}
}

func keepsVolumesInUse(t *testing.T, s subject) {
	name := s.Prefix + "used"
	s.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveVolume, Target: name})
	s.must(t, orchestrator.Step{Action: orchestrator.CreateVolume, Target: name})
	spec := s.spec("serve")
	spec.Mounts = []compose.Mount{{Kind: "volume", Source: "data", Target: "/data"}}
	spec.VolumeNames = map[string]string{"data": name}
	container := s.create(t, "using", spec)

	if err := s.do(orchestrator.Step{Action: orchestrator.RemoveVolume, Target: name}); err == nil {
		t.Error("a volume was removed from under a container")
	}
	if got := s.standing(t, container).Mounts; len(got) != 1 || got[0] != (orchestrator.MountPoint{Kind: "volume", Source: name, Target: "/data"}) {
		t.Errorf("mounts: %v", got)
	}
	s.must(t, orchestrator.Step{Action: orchestrator.Remove, Target: container})
	if o := s.observe(t, orchestrator.Query{}); !o.Volumes[name].Ours(s.project) {
		t.Error("the volume went with its container")
	}
}

func createsWholly(t *testing.T, s subject) {
	name := s.Prefix + "half"
	noVolume, noNetwork := s.spec("serve"), s.spec("serve")
	noVolume.Mounts = []compose.Mount{{Kind: "volume", Source: "data", Target: "/data"}}
	noVolume.VolumeNames = map[string]string{"data": name}
	noNetwork.Networks = []compose.Attachment{{Network: "default"}}
	noNetwork.NetworkNames = map[string]string{"default": name}
	first := s.Prefix + "first"
	s.atEnd(t, orchestrator.Step{Action: orchestrator.RemoveNetwork, Target: first})
	s.must(t, orchestrator.Step{Action: orchestrator.CreateNetwork, Target: first})
	noSecond := s.spec("serve")
	noSecond.Networks = []compose.Attachment{{Network: "first"}, {Network: "second"}}
	noSecond.NetworkNames = map[string]string{"first": first, "second": name}
	s.discard(t, name)
	for what, spec := range map[string]*orchestrator.Spec{"volume": noVolume, "network": noNetwork, "second network": noSecond} {
		err := s.do(orchestrator.Step{Action: orchestrator.Create, Target: name, Spec: spec})
		if err == nil { // an engine may also say so at the start
			err = s.do(orchestrator.Step{Action: orchestrator.Start, Target: name})
		}
		if err == nil {
			t.Errorf("a container runs without its %s", what)
		}
		if c, found := s.see(t, name); found {
			t.Errorf("without its %s it stands half made: %+v", what, c)
		}
	}
	if o := s.observe(t, orchestrator.Query{Volumes: []string{name}}); len(o.Volumes) != 0 {
		t.Error("the volume was made on the way, without anybody's labels")
	}
}

func wantsProject(t *testing.T, s subject) {
	name := s.Prefix + "nobody"
	for _, a := range []orchestrator.Action{orchestrator.CreateVolume, orchestrator.RemoveVolume, orchestrator.Stop, orchestrator.Remove} {
		if err := s.Engine.Do(s.ctx, orchestrator.Step{Action: a, Target: name}, nil); err == nil {
			t.Errorf("%s without a project is done", a)
		}
	}
	if err := s.do(orchestrator.Step{Action: orchestrator.Wait, Target: name}); err == nil {
		t.Error("an engine cannot wait, and says it did")
	}
}
