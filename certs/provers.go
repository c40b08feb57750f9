package certs

import (
	"context"
	"crypto/x509"
	_ "embed"
	"errors"
	"os"
	"path/filepath"

	"github.com/letta-dev/letta-dev/certs/host"
)

// prove asks curl with the system's bundle, or the TLS client of Go where there is none.
func (s *systemStore) prove(ctx context.Context, p *proof) (verdict, error) {
	curl, ok := s.env.Find("curl")
	if !ok {
		return s.proveHere(ctx, p)
	}
	v := verdict{"curl", ByHandshake}
	answer, err := s.env.Do(ctx, host.Command{As: s.env.Owner, Limit: host.LookLimit, Argv: []string{
		curl, "-q", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "5",
		"--cacert", s.bundle(), "--resolve", proofHost + ":" + p.port + ":127.0.0.1", p.url()}})
	if err != nil {
		return v, err
	}
	return v, p.confirm("curl", answer)
}

func (s *systemStore) proveHere(ctx context.Context, p *proof) (verdict, error) {
	bundle, err := host.ReadBounded(s.bundle(), host.MaxRoots)
	if err != nil {
		return verdict{"letta-dev", ByHandshake}, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	return p.get(ctx, roots)
}

func (k *keychain) prove(ctx context.Context, p *proof) (verdict, error) { return p.get(ctx, nil) }

// prove asks Windows on Windows. From a Linux within it nobody of Windows can be sent here for sure.
func (w *windowsStore) prove(ctx context.Context, p *proof) (verdict, error) {
	if w.wsl {
		return verdict{}, errNoClient
	}
	return p.get(ctx, nil)
}

// prove asks the browser that reads the database, if it may be started and decides; else tstclnt, the TLS client of the
// NSS tools, with the database; where that is not installed certutil says whether the root is a valid issuer of servers.
func (s *nssStore) prove(ctx context.Context, p *proof) (verdict, error) {
	if s.env.Browsers && s.browser != "" {
		if err := browse(ctx, s.env, p, s.browser); !errors.Is(err, errNoClient) {
			return verdict{filepath.Base(s.browser), ByHandshake}, err
		}
	}
	if !s.made() {
		return verdict{}, errNoClient // tstclnt cannot open it, and what Firefox makes of a profile without one is known
	}
	for _, name := range []string{"tstclnt", "/usr/lib64/nss/unsupported-tools/tstclnt"} { // the latter: Red Hat
		if client, ok := s.env.Find(name); ok {
			_, err := s.env.Do(ctx, host.Command{As: s.env.Owner, Limit: host.LookLimit, Argv: []string{
				client, "-4", "-Q", "-h", "127.0.0.1", "-a", proofHost, "-p", p.port, "-d", "sql:" + s.dir}})
			return verdict{"tstclnt", ByHandshake}, err
		}
	}
	v := verdict{"certutil", ByTool}
	found, err := s.found(ctx, p.root)
	for _, entry := range found {
		if p.root.is(entry.certificate) {
			_, err := s.env.Do(ctx, s.certutil("-V", "-u", "L", "-n", entry.nickname))
			return v, err
		}
	}
	return v, errors.Join(err, errors.New("the root is not in the database"))
}

// handshake is handshake/Handshake.java, compiled for Java 8 and every one since.
//
//go:embed handshake/Handshake.class
var handshake []byte

// prove has the JVM itself try. Without the optimising compiler it is done in half the time.
func (j *javaStore) prove(ctx context.Context, p *proof) (verdict, error) {
	v := verdict{"java", ByHandshake}
	dir, err := j.env.Scratch("Handshake.class", handshake)
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(dir)
	answer, err := j.env.Do(ctx, host.Command{As: j.env.Owner, Limit: host.LookLimit, Argv: []string{
		filepath.Join(j.home, "bin", "java"), "-XX:+IgnoreUnrecognizedVMOptions", "-Xshare:auto", "-XX:TieredStopAtLevel=1",
		"-cp", dir, "Handshake", proofHost, p.port}})
	if err != nil {
		return v, err
	}
	return v, p.confirm("java", answer)
}
