package docker

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/registry"

	"github.com/letta-dev/letta-dev/orchestrator"
)

// registryServer is a registry on loopback, which Docker takes without TLS. It has every image with the tag 1, for everybody or for
// the login alone, and is as much of the distribution protocol as a pull needs.
func registryServer(t *testing.T, login string) string {
	t.Helper()
	layer := tarOf(t, file{"data", bytes.Repeat([]byte("letta "), 1<<16)})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(layer)
	_ = z.Close()
	config := encode(t, map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{}, "rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	const kind = "application/vnd.docker.distribution.manifest.v2+json"
	manifest := encode(t, map[string]any{
		"schemaVersion": 2, "mediaType": kind,
		"config": map[string]any{"mediaType": "application/vnd.docker.container.image.v1+json", "size": len(config), "digest": "sha256:" + digest(config)},
		"layers": []any{map[string]any{"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": zipped.Len(), "digest": "sha256:" + digest(zipped.Bytes())}},
	})
	blobs := map[string][]byte{digest(config): config, digest(zipped.Bytes()): zipped.Bytes(), digest(manifest): manifest}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		user, password, _ := r.BasicAuth()
		blob, found := blobs[strings.TrimPrefix(name, "sha256:")]
		switch {
		case login != "" && user+":"+password != login:
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		case strings.Contains(r.URL.Path, "/manifests/") && name == "1" || name == "sha256:"+digest(manifest):
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Docker-Content-Digest", "sha256:"+digest(manifest))
			_, _ = w.Write(manifest)
		case strings.Contains(r.URL.Path, "/manifests/"):
			refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		case found:
			_, _ = w.Write(blob)
		case r.URL.Path != "/v2/":
			refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown")
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusUnauthorized {
		w.Header().Set("Www-Authenticate", `Basic realm="test"`)
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}

// pullingEngine is an engine that takes a registry on loopback without TLS.
func pullingEngine(t *testing.T) *Engine {
	t.Helper()
	e := testEngine(t)
	if e.podman {
		t.Skip("NOT TESTED on Podman: it wants TLS of every registry")
	}
	return e
}

func pullStep(ref string) orchestrator.Step {
	return orchestrator.Step{Action: orchestrator.Pull, Target: ref, Project: "ldt-docker", Service: "letta"}
}

func TestPullReportsLayers(t *testing.T) {
	e := pullingEngine(t)
	ref := registryServer(t, "") + "/ldt/probe:1"
	var layers, states = map[string]bool{}, map[string]bool{}
	var total int64
	if err := e.Do(t.Context(), pullStep(ref), func(ev orchestrator.Event) {
		layers[ev.Layer], states[ev.Text] = true, true
		total = max(total, ev.Total)
		if ev.Kind != orchestrator.Progress || ev.Service != "letta" {
			t.Errorf("reported %+v", ev)
		}
	}); err != nil {
		t.Fatal(err)
	}
	forgetImage(t, e, ref)
	if len(layers) != 1 || !states["Pull complete"] {
		t.Errorf("layers %v in states %v, %d bytes", layers, states, total)
	}
	reported := false
	if err := e.Do(t.Context(), pullStep(ref), func(orchestrator.Event) { reported = true }); err != nil || reported {
		t.Errorf("an image that is there was pulled again: %v", err)
	}
}

func TestPullSaysWhyNot(t *testing.T) {
	e := pullingEngine(t)
	host, closed := registryServer(t, ""), registryServer(t, "me:pw")
	for ref, want := range map[string]orchestrator.PullReason{
		host + "/ldt/probe:2":     orchestrator.PullNotFound,
		closed + "/ldt/probe:1":   orchestrator.PullNeedsLogin,
		"127.0.0.1:1/ldt/probe:1": orchestrator.PullNoNetwork,
		"letta-dev.invalid/x:1":   orchestrator.PullNoNetwork,
		"UPPER/case:1":            orchestrator.PullNotFound,
	} {
		err := e.Do(t.Context(), pullStep(ref), nil)
		var pull *orchestrator.PullError
		if !errors.As(err, &pull) || pull.Reason != want || pull.Hint() == "" {
			t.Errorf("%s: %v", ref, err)
		}
	}
}

func TestPullWithStoredLogin(t *testing.T) {
	e := pullingEngine(t)
	ref := registryServer(t, "me:pw") + "/ldt/probe:1"
	dir := t.TempDir()
	host, _, _ := strings.Cut(ref, "/")
	writeFile(t, filepath.Join(dir, "config.json"), `{"auths":{"`+host+`":{"auth":"`+base64.StdEncoding.EncodeToString([]byte("me:pw"))+`"}}}`)
	e.login = registryLogin(dir)
	if err := e.Do(t.Context(), pullStep(ref), nil); err != nil {
		t.Fatal(err)
	}
	forgetImage(t, e, ref)
}

// A credential helper that is gone must not stop the pull of an image that needs no login; when one is needed, it is the reason.
func TestPullWithBrokenLogin(t *testing.T) {
	e := pullingEngine(t)
	host, closed := registryServer(t, ""), registryServer(t, "me:pw")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "config.json"), `{"credsStore":"ldt-not-installed"}`)
	e.login = registryLogin(dir)
	if err := e.Do(t.Context(), pullStep(host+"/ldt/probe:1"), nil); err != nil {
		t.Fatal(err)
	}
	forgetImage(t, e, host+"/ldt/probe:1")
	if err := e.Do(t.Context(), pullStep(closed+"/ldt/probe:1"), nil); err == nil || !strings.Contains(err.Error(), "docker-credential-ldt-not-installed") {
		t.Errorf("the helper is not named: %v", err)
	}
}

func TestRegistryLogin(t *testing.T) {
	dir := t.TempDir()
	login := registryLogin(dir)
	if header, err := login("letta/letta:0.16.8"); header != "" || err != nil {
		t.Errorf("without a configuration: %q, %v", header, err)
	}
	helper := "#!/bin/sh\nread host\n[ \"$host\" = https://index.docker.io/v1/ ] || { echo 'credentials not found in native keychain'; exit 1; }\n" +
		`echo '{"ServerURL":"x","Username":"hub","Secret":"s3"}'` + "\n"
	bin := t.TempDir()
	writeFile(t, filepath.Join(bin, "docker-credential-ldt"), helper)
	if err := os.Chmod(filepath.Join(bin, "docker-credential-ldt"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	writeFile(t, filepath.Join(dir, "config.json"), `{"credsStore":"ldt"}`)
	header, err := login("letta/letta:0.16.8")
	if err != nil {
		t.Fatal(err)
	}
	var auth registry.AuthConfig
	if err := json.NewDecoder(base64.NewDecoder(base64.URLEncoding, strings.NewReader(header))).Decode(&auth); err != nil || auth.Username != "hub" || auth.Password != "s3" {
		t.Errorf("%+v, %v", auth, err)
	}
	if header, err := login("ghcr.io/a/b:1"); header != "" || err != nil {
		t.Errorf("a registry without login: %q, %v", header, err)
	}
	if _, err := login("NOT A NAME"); err == nil {
		t.Error("no image has that name")
	}
}

func TestLoadOfNonsense(t *testing.T) {
	e := testEngine(t)
	for what, write := range map[string]func(io.Writer) error{
		"no tar":       func(w io.Writer) error { _, err := io.WriteString(w, strings.Repeat("nonsense", 1<<16)); return err },
		"an empty tar": func(w io.Writer) error { _, err := w.Write(tarOf(t)); return err },
		"another image": func(w io.Writer) error {
			_, err := w.Write(imageArchive(t, "localhost/ldt-docker-other:1", []byte("x"), nil))
			return err
		},
	} {
		step := orchestrator.Step{Action: orchestrator.Load, Target: "localhost/ldt-docker-none:1", Project: "ldt-docker", Archive: write}
		if err := e.Do(t.Context(), step, nil); err == nil || !strings.Contains(err.Error(), "ldt-docker-none") {
			t.Errorf("%s: %v", what, err)
		}
	}
	forgetImage(t, e, "localhost/ldt-docker-other:1")
}
