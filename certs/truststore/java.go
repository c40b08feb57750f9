package truststore

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/letta-dev/letta-dev/certs"
	"github.com/letta-dev/letta-dev/certs/host"
)

// javaStore is a file of trusted roots that one or more JVMs read; Debian's share one. Its tool is the keytool of the
// first of them.
type javaStore struct {
	env  host.Env
	home string // of that JVM
	file string // no link
}

// javaStores returns every such file once, with the JVMs that programs find first in front.
func javaStores(env host.Env) []Store {
	var stores []Store
	seen := map[string]bool{}
	for _, home := range javaHomes(env) {
		file, ok := JVMRoots(home)
		if ok && !seen[file] {
			seen[file] = true
			stores = append(stores, &javaStore{env: env, home: home, file: file})
		}
	}
	return stores
}

// JVMRootFiles returns the files of roots of all JVMs on the machine, each once.
func JVMRootFiles(env host.Env) []string {
	var files []string
	for _, s := range javaStores(env) {
		files = append(files, s.(*javaStore).file)
	}
	return files
}

// javaHomes returns the folders JVMs may be in.
func javaHomes(env host.Env) []string {
	homes := []string{env.Vars["JAVA_HOME"]}
	for _, name := range []string{"java", "keytool"} {
		path, _ := env.Find(name)
		if real, err := filepath.EvalSymlinks(path); err == nil { // Debian's alternatives are two links deep
			homes = append(homes, filepath.Dir(filepath.Dir(real)))
		}
	}
	patterns := []string{env.InRoot("usr/lib/jvm/*"), env.InHome(".sdkman/candidates/java/*")}
	if env.GOOS == "darwin" { // where /usr/libexec/java_home looks, and Homebrew
		const bundle = "Library/Java/JavaVirtualMachines/*/Contents/Home"
		patterns = append(patterns, env.InHome(bundle), env.InRoot(bundle),
			env.InRoot("opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home"),
			env.InRoot("usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home"))
	}
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern) // a home folder with a bracket in its name is no reason to fail
		homes = append(homes, found...)
	}
	return slices.DeleteFunc(homes, func(home string) bool { return !filepath.IsAbs(home) })
}

// JVMRoots returns the file a JVM takes its roots from: jssecacerts if there is one (JSSE reference guide, "Customizing
// Stores"); JDK 8 has both under jre.
func JVMRoots(home string) (string, bool) {
	for _, rel := range []string{"lib/security/jssecacerts", "lib/security/cacerts", "jre/lib/security/jssecacerts", "jre/lib/security/cacerts"} {
		if file, err := filepath.EvalSymlinks(filepath.Join(home, rel)); err == nil {
			return file, true
		}
	}
	return "", false
}

func (j *javaStore) Name() string { return "Java" }

func (j *javaStore) turn(ctx context.Context) (*os.File, error) {
	return host.LockFolder(ctx, filepath.Dir(j.file), j.env.Waits)
}

// Status reads the file itself: to start keytool takes half a second. What a JVM can use of it without a password, it can
// read as well.
func (j *javaStore) Status(_ context.Context, root certs.Root) (Status, error) {
	status := Status{State: Absent, Known: ByBundle, Where: j.file}
	data, err := host.ReadBounded(j.file, host.MaxRoots)
	if err != nil {
		status.State = Unavailable
		return status, j.failure(err, "ls -lL "+host.Quote(j.file))
	}
	if root.Certificate != nil && bytes.Contains(data, root.Certificate.Raw) {
		status.State = Trusted
	}
	others := slices.DeleteFunc(ourCertificates(data), root.Is)
	status.Stale, status.Other = j.claim(root).Divide(others)
	return status, nil
}

func (j *javaStore) Commands(ctx context.Context, action Action, root certs.Root) ([]host.Command, error) {
	status, err := j.Status(ctx, root)
	switch there := status.State == Trusted; {
	case err != nil:
		return nil, err
	case action == ToInstall && there, action == ToUninstall && !there && len(status.Stale) == 0 && !j.holdsBorrowed():
		return nil, nil
	case action == ToInstall:
		if err := j.installed(); err != nil {
			return nil, err
		}
		return []host.Command{reading(root, j.change("-importcert", "-noprompt", "-alias", root.Name()))}, nil
	}
	found, err := j.found(ctx, root)
	var commands []host.Command
	for _, entry := range found {
		if j.claim(root).Claims(entry.certificate) {
			commands = append(commands, j.change("-delete", "-alias", entry.alias))
		}
	}
	return commands, err
}

// claim is the root with its claim. In a JVM of the user's own, as SDKMAN installs them, all roots are theirs.
func (j *javaStore) claim(root certs.Root) certs.Root {
	if rel, err := filepath.Rel(j.env.Home, j.file); err == nil && filepath.IsLocal(rel) {
		return root.ClaimAll()
	}
	return root
}

// holdsBorrowed tells whether an entry may bear the name that we give to mkcert's roots. A JVM writes names in lower case,
// into JKS as UTF-8 and into PKCS #12 as UTF-16.
func (j *javaStore) holdsBorrowed() bool {
	data, err := host.ReadBounded(j.file, host.MaxRoots)
	var wide []byte
	for _, c := range []byte(certs.Borrowed) {
		wide = append(wide, 0, c)
	}
	return err == nil && (bytes.Contains(data, []byte(certs.Borrowed)) || bytes.Contains(data, wide))
}

func (j *javaStore) Change(ctx context.Context, action Action, root certs.Root) error {
	return perform(ctx, j, j.env, action, root)
}

func (j *javaStore) failure(err error, advice string) error {
	return &host.Error{Doing: "use the roots of Java", Path: j.file, Err: err, Advice: advice}
}

// change is a command that writes to the file, with root's rights if that takes them.
func (j *javaStore) change(args ...string) host.Command {
	c := j.keytool(args...)
	if j.env.LacksRoot() {
		f, err := os.OpenFile(j.file, os.O_WRONLY, 0)
		c.NeedsRoot = errors.Is(err, os.ErrPermission)
		_ = f.Close() // nothing was written
	}
	return c
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
