package demo_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/orchestrator/demo"
)

// build compiles a program of testdata for linux and returns its bytes.
func build(t *testing.T, program, arch string, flags ...string) *bytes.Reader {
	t.Helper()
	path := filepath.Join(t.TempDir(), program)
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", path}, flags...)
	cmd := exec.Command("go", append(args, "./testdata/"+program)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(data)
}

func newImage(t *testing.T, exe *bytes.Reader, opts demo.ImageOptions) *demo.Image {
	t.Helper()
	img, err := demo.NewImage(exe, exe.Size(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func archive(t *testing.T, img *demo.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := img.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d of %d bytes, %v", n, b.Len(), err)
	}
	return b.Bytes()
}

// unpack returns the headers of a tar file in order, and what is in it.
func unpack(t *testing.T, data []byte) ([]*tar.Header, map[string][]byte) {
	t.Helper()
	files := map[string][]byte{}
	var headers []*tar.Header
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, files
		}
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImageIsTheSameEveryTime(t *testing.T) {
	exe := build(t, "empty", "amd64")
	opts := demo.ImageOptions{Command: []string{"demo-server"}, Labels: map[string]string{"b": "2", "a": "1", "c": "3"}}
	first := newImage(t, exe, opts)
	second := newImage(t, exe, opts)
	if first.Ref != second.Ref || !bytes.Equal(archive(t, first), archive(t, second)) {
		t.Error("two images of one executable differ")
	}
	opts.Command = []string{"another-word"}
	if other := newImage(t, exe, opts); other.Hash == first.Hash {
		t.Error("another command has the same hash")
	}
	if len(opts.Labels) != 3 {
		t.Errorf("the caller's labels became %v", opts.Labels)
	}
	if want := "localhost/letta-dev-demo:" + first.Hash[:12]; first.Ref != want {
		t.Errorf("Ref is %q, want %q", first.Ref, want)
	}
}

func TestArchiveIsWhatEnginesTake(t *testing.T) {
	exe := build(t, "empty", "arm64")
	img := newImage(t, exe, demo.ImageOptions{Command: []string{"demo-server", "--listen=:8283"}})
	headers, files := unpack(t, archive(t, img))

	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	unmarshal(t, files["manifest.json"], &manifest)
	if got := manifest[0].RepoTags; len(got) != 1 || got[0] != img.Ref {
		t.Errorf("RepoTags %v", got)
	}
	for _, h := range headers {
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s: time %v, owner %d %q", h.Name, h.ModTime, h.Uid, h.Uname)
		}
		if sum, ok := strings.CutPrefix(h.Name, "blobs/sha256/"); ok && sum != fmt.Sprintf("%x", sha256.Sum256(files[h.Name])) {
			t.Errorf("%s is not the digest of its bytes", h.Name)
		}
	}
	var config struct {
		Created, Architecture, OS string
		Config                    struct {
			User       string
			Entrypoint []string
			Labels     map[string]string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	unmarshal(t, files[manifest[0].Config], &config)
	if config.Architecture != "arm64" || config.OS != "linux" || config.Created != "1970-01-01T00:00:00Z" {
		t.Errorf("config %+v", config)
	}
	if got := strings.Join(config.Config.Entrypoint, " "); got != "/letta-dev demo-server --listen=:8283" {
		t.Errorf("entrypoint %q", got)
	}
	if config.Config.Labels[demo.HashLabel] != img.Hash {
		t.Errorf("label %q, hash %q", config.Config.Labels[demo.HashLabel], img.Hash)
	}
	if want := "blobs/" + strings.Replace(config.RootFS.DiffIDs[0], ":", "/", 1); manifest[0].Layers[0] != want {
		t.Errorf("layer %q, diff id says %q", manifest[0].Layers[0], want)
	}
	checkLayer(t, files[manifest[0].Layers[0]], exe)
}

func checkLayer(t *testing.T, layer []byte, exe *bytes.Reader) {
	headers, files := unpack(t, layer)
	modes := map[string]int64{}
	for _, h := range headers {
		modes[h.Name] = h.Mode
	}
	if modes["tmp/"] != 0o1777 || modes["letta-dev"] != 0o755 {
		t.Errorf("modes %v", modes)
	}
	want := make([]byte, exe.Size())
	exe.ReadAt(want, 0)
	if !bytes.Equal(files["letta-dev"], want) {
		t.Error("the executable in the image is another")
	}
	if !bytes.Contains(files["etc/passwd"], []byte(":65534:65534:")) {
		t.Errorf("passwd %q", files["etc/passwd"])
	}
}

func unmarshal(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
}

func TestChangedExecutableIsNotWritten(t *testing.T) {
	data, err := io.ReadAll(build(t, "empty", "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	img := newImage(t, bytes.NewReader(data), demo.ImageOptions{})
	data[len(data)-1] ^= 1
	if _, err := img.WriteTo(io.Discard); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Errorf("got %v", err)
	}
}

func TestWriteErrorIsReturnedOnce(t *testing.T) {
	img := newImage(t, build(t, "empty", "amd64"), demo.ImageOptions{})
	full := errors.New("no space left on device")
	_, err := img.WriteTo(failing{full})
	if !errors.Is(err, full) || strings.Count(err.Error(), full.Error()) != 1 {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestExecutablesThatCannotRunInAContainer(t *testing.T) {
	static := build(t, "empty", "amd64")
	const osABI, machine = 7, 18 // offsets in the ELF header
	for name, c := range map[string]struct {
		exe  *bytes.Reader
		want string
	}{
		"mac":     {bytes.NewReader([]byte("\xcf\xfa\xed\xfe\x0c\x00\x00\x01")), "not a linux executable"},
		"windows": {bytes.NewReader([]byte("MZ\x90\x00")), "not a linux executable"},
		"script":  {bytes.NewReader([]byte("#!/bin/sh\n")), "not a linux executable"},
		"empty":   {bytes.NewReader(nil), "not a linux executable"},
		"freebsd": {patched(static, osABI, 9), "for ELFOSABI_FREEBSD, not linux"},
		"riscv":   {patched(static, machine, 243, 0), "processor EM_RISCV"},
		"dynamic": {build(t, "empty", "amd64", "-buildmode=pie"), "dynamically linked"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := demo.NewImage(c.exe, c.exe.Size(), demo.ImageOptions{})
			var bad *demo.ExecutableError
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an ExecutableError with %q", err, c.want)
			}
			if !strings.Contains(bad.Hint(), "CGO_ENABLED=0") {
				t.Errorf("hint %q", bad.Hint())
			}
		})
	}
}

// patched returns exe with other bytes at an offset of its ELF header.
func patched(exe *bytes.Reader, offset int, with ...byte) *bytes.Reader {
	data := make([]byte, exe.Size())
	exe.ReadAt(data, 0)
	copy(data[offset:], with)
	return bytes.NewReader(data)
}
