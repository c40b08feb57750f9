package demo

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// executable is the file the image is made of.
type executable struct {
	io.ReaderAt
	size int64
}

func (e executable) reader() io.Reader { return io.NewSectionReader(e, 0, e.size) }

// WriteTo writes the image as the archive that "docker load" takes: an OCI layout
// that also holds the manifest.json of older archives. Docker 20.10 loads nothing
// without the latter; newer engines take the id of the image from the former. It
// fails if the executable is no longer the one NewImage saw.
func (img *Image) WriteTo(w io.Writer) (int64, error) {
	out := &counter{w: w}
	err := img.write(newArchive(out))
	if err != nil {
		err = fmt.Errorf("writing the demo image: %w", err)
	}
	return out.n, err
}

func (img *Image) write(a *archive) error {
	config := descriptor(ocispec.MediaTypeImageConfig, img.config)
	manifest := descriptor(ocispec.MediaTypeImageManifest, img.manifest)
	a.file(blobName(config), img.config)
	img.copyLayer(a)
	a.file(blobName(manifest), img.manifest)
	a.file(ocispec.ImageIndexFile, img.index(manifest))
	a.file(ocispec.ImageLayoutFile, encode(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}))
	a.file("manifest.json", encode([]any{map[string]any{
		"Config":   blobName(config),
		"RepoTags": []string{img.Ref},
		"Layers":   []string{blobName(img.layer)},
	}}))
	return a.close()
}

func blobName(d ocispec.Descriptor) string {
	return ocispec.ImageBlobsDir + "/" + d.Digest.Algorithm().String() + "/" + d.Digest.Encoded()
}

func (img *Image) index(manifest ocispec.Descriptor) []byte {
	_, tag, _ := strings.Cut(img.Ref, ":")
	manifest.Annotations = map[string]string{
		"io.containerd.image.name": img.Ref,
		ocispec.AnnotationRefName:  tag,
	}
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{manifest}}
	index.SchemaVersion = 2
	return encode(index)
}

func (img *Image) copyLayer(a *archive) {
	h := digest.Canonical.Digester()
	a.entry(header(blobName(img.layer), 0o644, img.layer.Size), func(w io.Writer) error {
		return writeLayer(io.MultiWriter(w, h.Hash()), img.exe)
	})
	// An engine that already has a layer with this digest does not look at the
	// bytes; nobody else would notice.
	if a.err == nil && h.Digest() != img.layer.Digest {
		a.err = errors.New("the executable changed while it was read")
	}
}

// writeLayer writes the file system of the image: the executable, the users' names
// and a /tmp everybody may write to.
func writeLayer(w io.Writer, exe executable) error {
	a := newArchive(w)
	a.folder("etc/", 0o755)
	a.file("etc/group", []byte("root:x:0:\nnogroup:x:65534:\n"))
	a.file("etc/passwd", []byte("root:x:0:0:root:/:"+Executable+"\nnobody:x:65534:65534:nobody:/:"+Executable+"\n"))
	a.folder("tmp/", 0o1777)
	a.entry(header(strings.TrimPrefix(Executable, "/"), 0o755, exe.size), func(w io.Writer) error {
		_, err := io.Copy(w, exe.reader())
		return err
	})
	return a.close()
}

// archive writes a tar file. The first error stands and stops the rest.
type archive struct {
	tar *tar.Writer
	err error
}

func newArchive(w io.Writer) *archive { return &archive{tar: tar.NewWriter(w)} }

func (a *archive) entry(h *tar.Header, body func(io.Writer) error) {
	if a.err == nil {
		a.err = a.tar.WriteHeader(h)
	}
	if a.err == nil {
		a.err = body(a.tar)
	}
}

func (a *archive) file(name string, data []byte) {
	a.entry(header(name, 0o644, int64(len(data))), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

func (a *archive) folder(name string, mode int64) {
	h := header(name, mode, 0)
	h.Typeflag = tar.TypeDir
	a.entry(h, func(io.Writer) error { return nil })
}

func (a *archive) close() error {
	if a.err != nil {
		return a.err
	}
	return a.tar.Close()
}

// header leaves out whatever differs between two runs: time, owner, extensions.
func header(name string, mode, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: size,
		ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	}
}
