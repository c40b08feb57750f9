package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// outside names the mount namespace that the benchmark of the certificates must not be in: it changes the system's trust store.
const outside = "LETTA_DEV_BENCH_OUTSIDE"

// ownStores lays copies over what installing changes, with all the roots this machine trusts; /mnt is there on every Linux. What
// Debian's hook for Java does goes through dpkg, which a broken test of another day may have left in need of a hand.
const ownStores = `set -e
mount -t tmpfs tmpfs /mnt
for dir in /etc/ssl/certs /usr/local/share/ca-certificates /etc/ca-certificates/update.d /var/lib/dpkg /var/lib/ca-certificates-java; do
	[ -d "$dir" ] || continue
	mkdir -p "/mnt$dir"
	cp -a "$dir/." "/mnt$dir"
	mount --bind "/mnt$dir" "$dir"
done
mount -t tmpfs tmpfs /var/log
dpkg --configure ca-certificates-java >/dev/null 2>&1 || true`

// certs measures the certificates' commands in a mount namespace, which takes root.
func (b *bench) certs() error {
	here, err := os.Readlink("/proc/self/ns/mnt")
	if _, missing := exec.LookPath("update-ca-certificates"); err != nil || missing != nil || os.Geteuid() != 0 {
		fmt.Println("certs                     left out: they need root, Linux and Debian's ca-certificates")
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command("unshare", "--mount", "--propagation", "private", self)
	cmd.Env = append(os.Environ(), outside+"="+here)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// certsInside runs in the namespace.
func (b *bench) certsInside() error {
	if here, err := os.Readlink("/proc/self/ns/mnt"); err != nil || here == os.Getenv(outside) {
		return errors.Join(err, errors.New("this is still the machine's own mount namespace"))
	}
	if out, err := exec.Command("bash", "-c", ownStores).CombinedOutput(); err != nil {
		return fmt.Errorf("making stores of our own: %w\n%s", err, out)
	}
	if err := b.firefoxProfile(); err != nil {
		return err
	}
	if err := b.row("certs create", 41, "certs", "create", "--overwrite", "app.localhost"); err != nil {
		return err
	}
	const hooks = "/etc/ca-certificates/update.d"
	if hook, _ := filepath.Glob(hooks + "/jks-keystore"); len(hook) > 0 {
		if err := b.install("Debian's hook for Java"); err != nil {
			return err
		}
		if err := exec.Command("mount", "-t", "tmpfs", "tmpfs", hooks).Run(); err != nil {
			return err
		}
	}
	if err := b.install("no hook"); err != nil {
		return err
	}
	if err := b.row("certs status", 7, "certs", "status"); err != nil {
		return err
	}
	return b.row("env", 41, "env")
}

// firefoxProfile makes a profile as Firefox would; Chromium's database letta-dev makes itself.
func (b *bench) firefoxProfile() error {
	profile := filepath.Join(b.home, ".mozilla/firefox/bench.default")
	if err := os.MkdirAll(profile, 0o700); err != nil {
		return err
	}
	ini := "[Profile0]\nName=default\nIsRelative=1\nPath=bench.default\n"
	return os.WriteFile(filepath.Join(filepath.Dir(profile), "profiles.ini"), []byte(ini), 0o600)
}

// install measures installing into stores without our root, and leaves it installed. Beside it: the distribution's own tool, when it
// is given that root.
func (b *bench) install(kind string) error {
	var ours, tool []time.Duration
	for range 5 {
		if _, err := b.timed("certs", "uninstall"); err != nil {
			return err
		}
		took, err := b.distribution()
		if err != nil {
			return err
		}
		tool = append(tool, took)
		if took, err = b.timed("certs", "install"); err != nil {
			return err
		}
		ours = append(ours, took)
	}
	fmt.Printf("certs install             %.2f s, update-ca-certificates alone %.2f s (%s)\n", middle(ours).Seconds(), middle(tool).Seconds(), kind)
	return nil
}

// distribution is the time that Debian's tool takes to add our root, which it then takes away again.
func (b *bench) distribution() (took time.Duration, err error) {
	root, err := b.command("certs", "path").Output()
	if err != nil {
		return 0, err
	}
	const anchor = "/usr/local/share/ca-certificates/bench.crt"
	for _, argv := range [][]string{
		{"cp", strings.TrimSpace(string(root)), anchor}, {"update-ca-certificates"}, {"rm", anchor}, {"update-ca-certificates", "--fresh"},
	} {
		begin := time.Now()
		if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
			return 0, fmt.Errorf("%v: %w\n%s", argv, err, out)
		}
		if len(argv) == 1 {
			took = time.Since(begin)
		}
	}
	return took, nil
}

// row is the median of a command run often.
func (b *bench) row(name string, times int, args ...string) error {
	var all []time.Duration
	for range times {
		took, err := b.timed(args...)
		if err != nil {
			return err
		}
		all = append(all, took)
	}
	fmt.Printf("%-25s %v\n", name, middle(all).Round(100*time.Microsecond))
	return nil
}
