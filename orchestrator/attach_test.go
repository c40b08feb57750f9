package orchestrator

import (
	"errors"
	"slices"
	"testing"
)

func TestAttachable(t *testing.T) {
	ours := Container{Name: "letta-server", Running: true, Image: "letta/letta:0.16.8", Labels: Labels{LabelManaged: "true", LabelProject: "p"}}
	byName := Container{Name: "letta-server", Running: true, Image: "mine:1"}
	byService := Container{Name: "x-letta_server-1", Running: true, Image: "mine:1", Labels: Labels{"com.docker.compose.service": "letta_server"}}
	byImage := Container{Name: "happy_darwin", Running: true, Image: "ghcr.io/letta/letta:latest"}
	other := Container{Name: "web", Running: true, Image: "notletta/letta:1"}
	stopped := Container{Name: "letta-server", Status: "exited", Image: "letta/letta:0.16.8"}

	for name, tc := range map[string]struct {
		have    []Container
		want    string
		offered []string
	}{
		"nothing":                          {nil, "", nil},
		"never what is ours":               {[]Container{ours}, "", nil},
		"never what does not run":          {[]Container{stopped}, "", nil},
		"never another image":              {[]Container{other}, "", nil},
		"the name, whatever the image":     {[]Container{byImage, byService, byName}, "letta-server", []string{"happy_darwin", "x-letta_server-1"}},
		"a service is offered":             {[]Container{byService, other}, "", []string{"x-letta_server-1"}},
		"an image is offered, never taken": {[]Container{other, byImage}, "", []string{"happy_darwin"}},
	} {
		t.Run(name, func(t *testing.T) {
			have := Observation{Containers: tc.have}
			c, err := Attachable(have, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := nameOf(c); got != tc.want {
				t.Errorf("found %q, want %q", got, tc.want)
			}
			var offered []string
			for _, c := range LookAlikes(have) {
				offered = append(offered, c.Name)
			}
			if !slices.Equal(offered, tc.offered) {
				t.Errorf("offered %q, want %q", offered, tc.offered)
			}
		})
	}
	var none *NoSuchContainerError
	if _, err := Attachable(Observation{Containers: []Container{stopped}}, "letta-server"); !errors.As(err, &none) || none.Hint() != "docker start letta-server" {
		t.Errorf("a named container that does not run: %v", err)
	}
	if _, err := Attachable(Observation{}, "nope"); !errors.As(err, &none) || none.Hint() != "docker ps" {
		t.Errorf("a named container that is not there: %v", err)
	}
	if c, err := Attachable(Observation{Containers: []Container{other}}, "web"); err != nil || c.Name != "web" {
		t.Errorf("a named container of any image: %v, %v", c, err)
	}
}

func nameOf(c *Container) string {
	if c == nil {
		return ""
	}
	return c.Name
}

func TestIsLettaImage(t *testing.T) {
	for ref, want := range map[string]bool{
		"letta/letta": true, "letta/letta:0.16.8": true, "docker.io/letta/letta:latest": true, "localhost:5000/letta/letta": true,
		"letta/letta@sha256:abc": true, "letta/letta:1@sha256:abc": true,
		"letta": false, "xletta/letta": false, "letta/letta-extra:1": false, "letta/letta/x": false, "": false,
	} {
		if got := IsLettaImage(ref); got != want {
			t.Errorf("IsLettaImage(%q) = %v", ref, got)
		}
	}
}
