package clientenv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// bundleDir is the folder of the files that are made for clients with roots of their own. A file is named after its
// source, so each source has one, however many variables lead to it.
type bundleDir struct {
	dir   string
	root  certs.Root
	owner *host.Owner
}

// name is unique to the source and always the same.
func (o bundleSource) name(prefix, suffix string) string {
	sum := sha256.Sum256([]byte(strings.Join(o, "\x00")))
	return prefix + hex.EncodeToString(sum[:8]) + suffix
}

// keep writes a file if it is not as it should be. Programs may be reading it, so it is replaced in one step; of
// processes that do so at once the last one wins, and they agree.
func (c bundleDir) keep(name string, mode fs.FileMode, data []byte) (string, error) {
	path := filepath.Join(c.dir, name)
	if c.kept(path, mode, data) {
		return path, nil
	}
	err := c.write(host.File{Name: name, Mode: mode, Data: data, Cheap: true})
	if err != nil {
		return "", &host.Error{Doing: "write the combined roots", Path: path, Err: err, Advice: "ls -ld " + host.Quote(c.dir)}
	}
	return path, nil
}

func (c bundleDir) kept(path string, mode fs.FileMode, data []byte) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&^mode != 0 || info.Size() != int64(len(data)) {
		return false
	}
	have, err := host.ReadBounded(path, int64(len(data)))
	return err == nil && bytes.Equal(have, data)
}

func (c bundleDir) write(f host.File) error {
	if err := host.MakeParents(c.dir, c.owner); err != nil {
		return err
	}
	if err := host.MakeDir(c.dir, 0o755, c.owner); err != nil {
		return err
	}
	unlock, err := host.LockBeside(c.dir, "the combined roots", c.owner)
	if err != nil {
		return err
	}
	defer unlock()
	host.SweepStaged(c.dir, time.Now()) // whoever has staged there has died: we hold the lock
	return f.Replace(c.dir, c.owner)
}

// mergeRoots returns certificates in their order, each once, and root, which comes last unless it was among them. Other
// roots of this package are left out: their keys are gone or are another user's.
func mergeRoots(root certs.Root, certificates []*pem.Block) []byte {
	var out []byte
	seen := map[string]bool{}
	add := func(block *pem.Block) {
		if id := block.Type + "\n" + string(block.Bytes); !seen[id] {
			seen[id] = true
			out = append(out, pem.EncodeToMemory(block)...)
		}
	}
	for _, block := range certificates {
		if !root.Supersedes(block) {
			add(block)
		}
	}
	if root.Certificate != nil {
		add(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate.Raw})
	}
	return out
}

// certificateBlocks returns the certificates in PEM under the names that OpenSSL reads them by. A TRUSTED CERTIFICATE
// has its settings behind it, which may be that it is not to be trusted, so it stays what it is. What is damaged is
// passed over, as it is by Go; OpenSSL would refuse the whole file. Nothing else gets through: a file that somebody keeps
// for one client may hold the key of a client certificate too, and what is made of it is for everybody to read.
func certificateBlocks(data []byte) []*pem.Block {
	var blocks []*pem.Block
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		_, settings, ok := certs.SplitCertificate(block.Bytes)
		switch {
		case !ok:
		case block.Type == "TRUSTED CERTIFICATE":
			blocks = append(blocks, &pem.Block{Type: block.Type, Bytes: block.Bytes})
		case (block.Type == "CERTIFICATE" || block.Type == "X509 CERTIFICATE") && len(settings) == 0:
			blocks = append(blocks, &pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes})
		}
	}
	return blocks
}
