package truststore

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// policyEntry is one element of a browser's list of roots.
type policyEntry struct {
	raw         json.RawMessage // as it stands there
	ours        bool
	certificate *x509.Certificate // if it is ours and known
	file        string            // if it is ours and the list names files
}

func certificateEntry(root certs.Root) policyEntry {
	return policyEntry{raw: json.RawMessage(`"` + base64.StdEncoding.EncodeToString(root.Certificate.Raw) + `"`)}
}

func fileEntry(path string) policyEntry {
	raw, _ := json.Marshal(path) // strings always marshal
	return policyEntry{raw: raw}
}

// read returns the file, nil if there is none, and its list; the file also if that cannot be understood.
func (s *policyStore) read(root certs.Root) ([]byte, []policyEntry, error) {
	data, err := host.ReadBounded(s.file, host.MaxRoots)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, s.failure(err, "ls -lL")
	}
	list, err := parsePolicyList(data, s.keys)
	if err != nil {
		return data, nil, s.failure(err, "sudoedit")
	}
	entries := make([]policyEntry, len(list))
	for i, raw := range list {
		entries[i] = s.identify(raw, root)
	}
	return data, entries, nil
}

// identify tells whether an element is ours, by the certificate and not by its name; but for a copy of ours that is gone,
// and for mkcert's roots, which are ours to remove where the file is ours, or the copy.
func (s *policyStore) identify(raw json.RawMessage, root certs.Root) policyEntry {
	var text string
	e := policyEntry{raw: raw}
	if json.Unmarshal(raw, &text) != nil {
		return e
	}
	var der []byte
	lent := !s.files
	if s.files {
		if !filepath.IsAbs(text) {
			return e // Firefox looks for it in folders that we put nothing into
		}
		data, err := host.ReadBounded(text, host.MaxPEM)
		named := func(name string) bool { return strings.HasPrefix(filepath.Base(text), certs.FileName(name)) }
		beside := filepath.Dir(text) == filepath.Dir(s.file)
		lent = beside && named(certs.Borrowed)
		copied := lent || beside && named(certs.Organisation)
		if errors.Is(err, fs.ErrNotExist) && copied {
			return policyEntry{raw: raw, ours: true, file: text}
		}
		e.file, der = text, soleCertificate(data)
	} else {
		der, _ = base64.StdEncoding.DecodeString(text)
	}
	c, err := x509.ParseCertificate(der)
	if err == nil && (root.Is(c) || certs.IsOurs(c) || lent) {
		e.ours, e.certificate = true, c
	}
	return e
}

// soleCertificate returns the only certificate of a file, in PEM or DER, or nothing.
func soleCertificate(data []byte) []byte {
	block, rest := pem.Decode(data)
	if block == nil {
		return data
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil
	}
	return block.Bytes
}

// soleList refuses to add a list of roots next to another one: of all files in its folder Chromium takes each policy
// from the last that has it, and the other's roots would be lost to the browser.
func (s *policyStore) soleList() error {
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(s.file), "*"))
	for _, other := range others {
		data, err := host.ReadBounded(other, host.MaxRoots)
		if other == s.file || err != nil {
			continue
		}
		if list, err := parsePolicyList(data, s.keys); err == nil && len(list) > 0 {
			return &host.Error{Doing: "add a policy", Path: s.file, Err: fmt.Errorf("%s has %s already, and the browser takes them from one file", other, s.keys[0]),
				Advice: "openssl x509 -outform DER -in \"$(letta-dev certs path)\" | base64 -w0  # add that to " + other}
		}
	}
	return nil
}

// parsePolicyList returns the list at keys, nothing where it is not there.
func parsePolicyList(data []byte, keys []string) ([]json.RawMessage, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	value := json.RawMessage(data)
	for _, key := range keys {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(value, &object); err != nil {
			return nil, located(err, data)
		}
		if object == nil {
			return nil, errors.New("it has null where an object should be")
		}
		if value = object[key]; value == nil {
			return nil, nil
		}
	}
	var list []json.RawMessage
	return list, located(json.Unmarshal(value, &list), data)
}

// located adds to a mistake in the file where it is; that of a kind of value is known without.
func located(err error, data []byte) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("line %d: %w", 1+bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n")), err)
	}
	return err
}

// withPolicyList returns the file with another list at keys. What is left empty by that goes too; a file of which
// nothing stays is "". Everything else keeps its bytes, but for the blanks between.
func withPolicyList(data []byte, keys []string, entries []policyEntry) (string, error) {
	list := make([]json.RawMessage, len(entries))
	for i, e := range entries {
		list[i] = e.raw
	}
	changed, err := replaceIn(data, keys, list)
	if err != nil || changed == nil {
		return "", err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, changed, "", "  "); err != nil {
		return "", err
	}
	return pretty.String() + "\n", nil
}

func replaceIn(object json.RawMessage, keys []string, list []json.RawMessage) (json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	if object != nil {
		if err := json.Unmarshal(object, &members); err != nil {
			return nil, err
		}
	}
	var child json.RawMessage
	var err error
	switch {
	case len(keys) > 1:
		child, err = replaceIn(members[keys[0]], keys[1:], list)
	case len(list) > 0:
		child, err = encode(list)
	}
	delete(members, keys[0])
	if child != nil {
		members[keys[0]] = child
	}
	if err != nil || len(members) == 0 {
		return nil, err
	}
	return encode(members)
}

// encode writes JSON, and leaves < > & as they were.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
