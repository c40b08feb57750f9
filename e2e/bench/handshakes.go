package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// handshakesARound is how many full handshakes one server makes before it is the other's turn, and rounds how many turns each has.
const (
	handshakesARound = 1000
	rounds           = 7
)

// A terminator is a server that ends TLS.
type terminator struct {
	pid     int
	address string
	second  []float64 // handshakes, of each round
	cpu     []float64 // milliseconds for one handshake, of each round
}

// handshakes measures TLS 1.3 handshakes of the proxy beside nginx's, with one and the same certificate, chain and key, for one and the
// same client: no resumption, and X25519, for what nginx is built with has no ML-KEM.
func (b *bench) handshakes() error {
	if _, err := exec.LookPath("nginx"); err != nil {
		fmt.Println("handshakes                left out: no nginx; try apt-get install nginx-light")
		return nil
	}
	cert, key := filepath.Join(b.home, "tls.pem"), filepath.Join(b.home, "tls-key.pem")
	if _, err := b.timed("certs", "create", "--cert-file", cert, "--key-file", key, "localhost"); err != nil {
		return err
	}
	client, err := b.tlsClient()
	if err != nil {
		return err
	}
	proxy, err := b.ownProxy("", "127.0.0.1:9", cert, key)
	if err != nil {
		return err
	}
	defer proxy.stop()
	nginx, err := b.startNginx(cert, key)
	if err != nil {
		return err
	}
	defer nginx.stop()
	ours, theirs := proxy.terminator(), nginx.terminator()
	for _, t := range []*terminator{ours, theirs} { // warm
		if err := t.shake(client, handshakesARound/2); err != nil {
			return err
		}
	}
	for range rounds {
		for _, t := range []*terminator{ours, theirs} {
			if err := t.measure(client); err != nil {
				return err
			}
		}
	}
	rate, theirRate, cpu, theirCPU := middle(ours.second), middle(theirs.second), middle(ours.cpu), middle(theirs.cpu)
	fmt.Printf("CPU of a handshake        %.2f ms, nginx %.2f ms: ratio %.2f\n", cpu, theirCPU, cpu/theirCPU)
	fmt.Printf("handshakes a second       %.0f, nginx %.0f: ratio %.2f (fair on an idle machine only)\n", rate, theirRate, rate/theirRate)
	return nil
}

// tlsClient trusts letta-dev's root, and offers what both servers have.
func (b *bench) tlsClient() (*tls.Config, error) {
	path, err := b.command("certs", "path").Output()
	if err != nil {
		return nil, err
	}
	root, err := os.ReadFile(strings.TrimSpace(string(path)))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	return &tls.Config{
		RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13, CurvePreferences: []tls.CurveID{tls.X25519}, NextProtos: []string{"http/1.1"},
	}, nil
}

// terminator is a server that runs, by the address that it listens on and no name for it.
func (r *running) terminator() *terminator {
	return &terminator{pid: r.pid, address: strings.Replace(r.address, "localhost", "127.0.0.1", 1)}
}

// startNginx runs nginx with a worker for each CPU, as Go has threads.
func (b *bench) startNginx(cert, key string) (*running, error) {
	return b.configured("", "nginx", fmt.Sprintf(`daemon off; worker_processes auto; user root; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
server { listen ADDRESS ssl; ssl_certificate %[2]s; ssl_certificate_key %[3]s; ssl_protocols TLSv1.3; return 200; } }
`, b.home, cert, key), "-p", b.home, "-c")
}

// measure takes one round.
func (t *terminator) measure(client *tls.Config) error {
	before, err := cpuOf(family(t.pid))
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := t.shake(client, handshakesARound); err != nil {
		return err
	}
	took := time.Since(begin)
	after, err := cpuOf(family(t.pid))
	t.second = append(t.second, handshakesARound/took.Seconds())
	t.cpu = append(t.cpu, float64(after-before)/float64(time.Millisecond)/handshakesARound)
	return err
}

// shake makes n handshakes, four at a time.
func (t *terminator) shake(client *tls.Config, n int64) error {
	var left atomic.Int64
	left.Store(n)
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for left.Add(-1) >= 0 && errs[i] == nil {
				var conn *tls.Conn
				if conn, errs[i] = tls.Dial("tcp", t.address, client); errs[i] == nil {
					conn.Close()
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// cpuOf is the time that processes have computed for, with all their threads: fields 14 and 15 of proc_pid_stat(5), in ticks of 10 ms.
func cpuOf(pids []int) (total time.Duration, _ error) {
	for _, pid := range pids {
		f, err := stat(pid)
		if err != nil {
			return 0, err
		}
		total += time.Duration(f[14]+f[15]) * 10 * time.Millisecond
	}
	return total, nil
}

// family is a process and its children: field 4 is the parent.
func family(pid int) []int {
	pids := []int{pid}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		if child, err := strconv.Atoi(entry.Name()); err == nil {
			if f, err := stat(child); err == nil && f[4] == pid {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// stat is what the kernel says of a process, by the numbers of proc_pid_stat(5), which begin with 1; words are 0.
func stat(pid int) ([]int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	f := make([]int, 3) // the second is a name in brackets, and may hold anything
	for _, field := range strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) {
		n, _ := strconv.Atoi(field)
		f = append(f, n)
	}
	return f, nil
}

// middle is the median, and leaves the figures in their order.
func middle[T cmp.Ordered](figures []T) T {
	return slices.Sorted(slices.Values(figures))[len(figures)/2]
}
