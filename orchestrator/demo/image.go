package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// HashLabel is the label of an image that holds [Image].Hash. Compare it, and not
// the image's id, to see whether an engine has the image: the id is the digest
// of the config in one kind of engine and of the manifest in another.
const HashLabel = "dev.letta.demo-hash"

// Executable is the path of the executable in the image.
const Executable = "/letta-dev"

const repository = "localhost/letta-dev-demo" // fully qualified: Podman adds localhost/ by itself

// ImageOptions say how the image runs.
type ImageOptions struct {
	// Command is the arguments of the executable.
	Command []string

	// Labels are put on the image beside [HashLabel].
	Labels map[string]string
}

// Image is a container image of one executable, ready to be written for "docker
// load". The same executable and options give the same bytes.
type Image struct {
	Ref  string // localhost/letta-dev-demo:<first 12 digits of Hash>
	Hash string // hexadecimal SHA-256 over all that is in the image

	exe      executable
	layer    ocispec.Descriptor
	config   []byte
	manifest []byte
}

// NewImage reads the executable of the given size in bytes twice: now for its
// digest and in [Image.WriteTo]. One that cannot run alone in a linux container
// is refused with an [*ExecutableError].
func NewImage(exe io.ReaderAt, size int64, opts ImageOptions) (*Image, error) {
	arch, err := inspect(exe)
	if err != nil {
		return nil, err
	}
	img := &Image{exe: executable{exe, size}}
	img.layer, err = describe(img.exe)
	if err != nil {
		return nil, fmt.Errorf("reading the executable for the demo image: %w", err)
	}
	config := newConfig(arch, img.layer.Digest, opts)
	sum := sha256.Sum256(encode(config))
	img.Hash = hex.EncodeToString(sum[:])
	img.Ref = repository + ":" + img.Hash[:12]
	config.Config.Labels[HashLabel] = img.Hash

	img.config = encode(config)
	img.manifest = encode(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    descriptor(ocispec.MediaTypeImageConfig, img.config),
		Layers:    []ocispec.Descriptor{img.layer},
	})
	return img, nil
}

func newConfig(arch string, layer digest.Digest, opts ImageOptions) ocispec.Image {
	labels := map[string]string{}
	maps.Copy(labels, opts.Labels)
	created := time.Unix(0, 0).UTC()
	return ocispec.Image{
		Created:  &created,
		Platform: ocispec.Platform{Architecture: arch, OS: "linux"},
		Config: ocispec.ImageConfig{
			User:         "65534:65534",
			ExposedPorts: map[string]struct{}{"8283/tcp": {}},
			Entrypoint:   append([]string{Executable}, opts.Command...),
			WorkingDir:   "/",
			Labels:       labels,
			StopSignal:   "SIGTERM",
		},
		RootFS:  ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{layer}},
		History: []ocispec.History{{Created: &created, CreatedBy: "letta-dev up --demo"}},
	}
}

// describe returns the descriptor of the layer. It is not compressed: Podman 4
// refuses a compressed archive, and compressing costs more than it saves.
func describe(exe executable) (ocispec.Descriptor, error) {
	h := digest.Canonical.Digester()
	n := &counter{w: h.Hash()}
	if err := writeLayer(n, exe); err != nil {
		return ocispec.Descriptor{}, err
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: h.Digest(), Size: n.n}, nil
}

func descriptor(mediaType string, blob []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(blob), Size: int64(len(blob))}
}

// encode is [json.Marshal] for values that cannot fail. Its output is the same
// every time: maps are sorted.
func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
