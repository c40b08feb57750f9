package clientenv

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/letta-dev/letta-dev/certs/host"
)

// An bundleSource is what a file of ours is made from: absolute paths of files and folders of roots. The first line of the file
// names them, so that it can be made anew when they change, and is never made from itself. A path with a separator at its
// end is a folder that may be empty or absent.
type bundleSource []string

const separator = string(filepath.Separator)

// sourceMark begins that line. All clients pass over what stands before the first certificate, and wget over comments.
const sourceMark = "# Kept by letta-dev, which makes it anew from:"

// line is the first line of what is made from the source.
func (o bundleSource) line() string {
	line := sourceMark
	for _, path := range o {
		line += " " + strconv.Quote(path)
	}
	return line + "\n"
}

// recordedSource reads the first line of a file; ok is false, and the source nil, if it is not ours.
func recordedSource(data []byte) (o bundleSource, ok bool) {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	rest, ok := strings.CutPrefix(string(line), sourceMark)
	if !ok {
		return nil, false
	}
	o = bundleSource{}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil, false
		}
		path, err := strconv.Unquote(quoted)
		if err != nil || !filepath.IsAbs(path) {
			return nil, false
		}
		o, rest = append(o, path), rest[len(quoted):]
	}
	return o, true
}

// read returns the certificates in the files and folders.
func (o bundleSource) read() ([]*pem.Block, error) {
	var all []*pem.Block
	for _, path := range o {
		info, err := os.Stat(path)
		optional := strings.HasSuffix(path, separator)
		var found []*pem.Block
		if optional || err == nil && info.IsDir() {
			found = readFolder(path)
		} else if found, err = readRoots(path); err != nil {
			return nil, err
		}
		if len(found) == 0 && !optional {
			return nil, fmt.Errorf("%s holds no certificate in PEM", path)
		}
		all = append(all, found...)
	}
	return all, nil
}

// readRoots reads the roots in a file that is one: a pipe would be empty for the next who reads it.
func readRoots(path string) ([]*pem.Block, error) {
	data, err := host.ReadBounded(path, host.MaxRoots)
	if err != nil || !isKeystore(data) {
		return certificateBlocks(data), err
	}
	roots, err := keystoreRoots(data)
	if err != nil {
		return nil, fmt.Errorf("%s is no PEM, and no keystore of Java's that can be read: %w", path, err)
	}
	return roots, nil
}

// maxEntries bounds a folder of roots: the public ones are some 150, each with one or two names beside its own.
const maxEntries = 10_000

// readFolder reads the files of a folder that hold certificates, as far as they are no more together than a file may be. Links within it are the hashed names of OpenSSL for
// files that are there under their own.
func readFolder(dir string) []*pem.Block {
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	entries, _ := f.ReadDir(maxEntries)
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	left := int64(host.MaxRoots)
	var all []*pem.Block
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if to, err := os.Readlink(path); err == nil && filepath.Base(to) == to {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || info.Size() > left { // of /proc nothing is read
			continue
		}
		left -= info.Size()
		if found, err := readRoots(path); err == nil {
			all = append(all, found...)
		}
	}
	return all
}
