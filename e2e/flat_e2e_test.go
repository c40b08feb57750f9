//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	huge = 2 << 30  // bytes of one body
	flat = 16 << 20 // by how much the proxy's memory may rise over all of them
)

// TestHugeBodiesInFlatMemory: two gigabytes up, and two down, over each version of HTTP inside TLS. All of it arrives, and the proxy
// holds no more of it than its buffers.
func TestHugeBodiesInFlatMemory(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Length", r.URL.Query().Get("size"))
			size, _ := strconv.ParseInt(r.URL.Query().Get("size"), 10, 64)
			io.Copy(w, io.LimitReader(&pattern{}, size))
			return
		}
		fmt.Fprint(w, sum(t, r.Body))
	}))
	defer upstream.Close()
	p := startProxyAlone(t, upstream.URL)
	want := sum(t, io.LimitReader(&pattern{}, huge))
	for _, version := range []int{1, 2} {
		c := p.client(version)
		if got := sum(t, p.get(c, "1")); !strings.HasPrefix(got, "1 ") {
			t.Fatalf("HTTP/%d: one byte came as %s", version, got)
		}
		before := p.memory()
		if got := sum(t, p.get(c, strconv.Itoa(huge))); got != want {
			t.Errorf("HTTP/%d: downloaded %s, want %s", version, got, want)
		}
		down := p.memory()
		if got := p.post(c, io.LimitReader(&pattern{}, huge)); got != want {
			t.Errorf("HTTP/%d: uploaded %s, want %s", version, got, want)
		}
		up := p.memory()
		t.Logf("HTTP/%d: most resident memory %.1f MB before, %.1f MB after the download, %.1f MB after the upload", version, mb(before), mb(down), mb(up))
		if up > before+flat {
			t.Errorf("HTTP/%d: the proxy's memory rose by %.1f MB", version, mb(up-before))
		}
	}
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }

// pattern is an endless body that no two places of look alike to a reader that loses or repeats a piece.
type pattern struct {
	block []byte
	at    int
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.block == nil {
		p.block = make([]byte, 1<<20-3)
		random := rand.New(rand.NewPCG(1, 2))
		for i := range p.block {
			p.block[i] = byte(random.Uint32())
		}
	}
	n := copy(b, p.block[p.at:])
	p.at = (p.at + n) % len(p.block)
	return n, nil
}

// sum reads a body to its end and returns its length and checksum.
func sum(t *testing.T, body io.Reader) string {
	crc := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	n, err := io.CopyBuffer(struct{ io.Writer }{crc}, struct{ io.Reader }{body}, make([]byte, 256<<10))
	if err != nil {
		t.Errorf("after %d bytes: %v", n, err)
	}
	return fmt.Sprintf("%d %08x", n, crc.Sum32())
}

// proxyAlone is a `letta-dev proxy` of this tree.
type proxyAlone struct {
	t    *testing.T
	pid  int
	addr string
}

func startProxyAlone(t *testing.T, upstream string) *proxyAlone {
	t.Helper()
	home := t.TempDir()
	bin := filepath.Join(home, "letta-dev")
	build := exec.Command("go", "build", "-o", bin, "../cmd/letta-dev")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building letta-dev: %v\n%s", err, out)
	}
	cmd := exec.Command(bin, "proxy", "--upstream", upstream, "--listen", "127.0.0.1:0", "--trust", "none", "--json")
	cmd.Dir, cmd.Env = home, []string{"HOME=" + home}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGINT)
		if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 130 {
			t.Errorf("letta-dev proxy: %v\n%s", err, stderr.String())
		}
	})
	var answer struct {
		Data struct {
			PID       int
			Listeners []struct{ Address string }
		}
	}
	if err := json.NewDecoder(stdout).Decode(&answer); err != nil {
		t.Fatalf("letta-dev proxy: %v\n%s", err, stderr.String())
	}
	return &proxyAlone{t: t, pid: answer.Data.PID, addr: answer.Data.Listeners[0].Address}
}

func (p *proxyAlone) client(version int) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(version == 1)
	protocols.SetHTTP2(version == 2)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // whom to trust is not asked here
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 5 * time.Minute}
}

func (p *proxyAlone) get(c *http.Client, size string) io.Reader {
	p.t.Helper()
	return p.do(c, http.MethodGet, "/?size="+size, nil)
}

func (p *proxyAlone) post(c *http.Client, body io.Reader) string {
	p.t.Helper()
	answer, err := io.ReadAll(p.do(c, http.MethodPost, "/", body))
	if err != nil {
		p.t.Error(err)
	}
	return string(answer)
}

func (p *proxyAlone) do(c *http.Client, method, target string, body io.Reader) io.Reader {
	p.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, "https://"+p.addr+target, body)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := c.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		p.t.Fatalf("status %s", res.Status)
	}
	return res.Body
}

// memory is the most that the proxy has had resident, in bytes (VmHWM of proc(5)).
func (p *proxyAlone) memory() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		p.t.Skipf("LEFT OUT: %s: the memory of a process is read from Linux: %v", p.t.Name(), err)
	}
	for line := range strings.Lines(string(status)) {
		var kb int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kb); n == 1 {
			return kb << 10
		}
	}
	p.t.Fatal("no VmHWM")
	return 0
}
