package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// A peer is a proxy to measure, on the first CPU; everything else is on the second.
type peer struct {
	name  string
	start func(b *bench, upstream string) (*running, error)
}

// running is a proxy that listens.
type running struct {
	address string
	pid     int
	stop    func()
}

// peers begins with letta-dev, and all others are beside it: nginx tuned with connections kept to the upstream and nothing buffered,
// HAProxy likewise, and what the Go library has. None of them writes an access log but letta-dev.
func peers() []peer {
	all := []peer{{"letta-dev", (*bench).ownPeer}}
	for _, p := range []peer{{"nginx", (*bench).nginxPeer}, {"haproxy", (*bench).haproxyPeer}} {
		if _, err := exec.LookPath(p.name); err == nil {
			all = append(all, p)
		} else {
			fmt.Printf("%s is left out: it is not installed\n", p.name)
		}
	}
	return append(all, peer{"Go's ReverseProxy", (*bench).goPeer})
}

func (b *bench) pair() (cert, key string) {
	return filepath.Join(b.home, "wire.pem"), filepath.Join(b.home, "wire-key.pem")
}

// pinned is a command on one CPU, or where none is named on all.
func pinned(cpu string, cmd *exec.Cmd) *exec.Cmd {
	if cpu == "" {
		return cmd
	}
	taskset, err := exec.LookPath("taskset")
	if err != nil {
		cmd.Err = err
		return cmd
	}
	cmd.Args = append([]string{"taskset", "-c", cpu, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = taskset
	return cmd
}

func launch(cmd *exec.Cmd) (func(), error) {
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }, nil
}

func (b *bench) ownPeer(upstream string) (*running, error) {
	cert, key := b.pair()
	return b.ownProxy("0", upstream, cert, key)
}

// ownProxy runs `letta-dev proxy`, which is ready when it has printed its address.
func (b *bench) ownProxy(cpu, upstream, cert, key string) (*running, error) {
	cmd := pinned(cpu, b.command("proxy", "--progress", "quiet", "--trust", "none", "--listen", "127.0.0.1:0", "--upstream", "http://"+upstream, "--cert", cert, "--key", key))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stop, err := launch(cmd)
	if err != nil {
		return nil, err
	}
	says := regexp.MustCompile(`https://localhost:(\d+)`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := says.FindStringSubmatch(lines.Text()); m != nil {
			return &running{"localhost:" + m[1], cmd.Process.Pid, stop}, nil
		}
	}
	stop()
	return nil, errors.New("letta-dev proxy did not say where it listens")
}

func (b *bench) nginxPeer(upstream string) (*running, error) {
	cert, key := b.pair()
	return b.configured("0", "nginx", fmt.Sprintf(`daemon off; worker_processes 1; user root; pid %[1]s/peer.pid; error_log %[1]s/peer.log;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
upstream u { server %[3]s; keepalive 64; keepalive_requests 100000000; }
server { listen %[2]s ssl http2; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate %[4]s; ssl_certificate_key %[5]s;
location / { proxy_pass http://u; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 1h; proxy_set_header Host $http_host;
proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Port $server_port; } } }
`, b.home, "ADDRESS", upstream, cert, key), "-p", b.home, "-c")
}

func (b *bench) haproxyPeer(upstream string) (*running, error) {
	cert, key := b.pair()
	both := filepath.Join(b.home, "both.pem")
	var text []byte
	for _, path := range []string{cert, key} {
		part, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		text = append(text, part...)
	}
	if err := os.WriteFile(both, text, 0o600); err != nil {
		return nil, err
	}
	return b.configured("0", "haproxy", fmt.Sprintf(`global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend f
  bind ADDRESS ssl crt %s alpn h2,http/1.1
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  default_backend b
backend b
  server u %s
`, both, upstream), "-q", "-f")
}

// configured runs a server with a configuration in which ADDRESS is free, until it listens there.
func (b *bench) configured(cpu, program, text string, args ...string) (*running, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := free.Addr().String()
	free.Close()
	file := filepath.Join(b.home, program+".conf")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "ADDRESS", address)), 0o600); err != nil {
		return nil, err
	}
	cmd := pinned(cpu, exec.Command(program, append(args, file)...))
	stop, err := launch(cmd)
	if err != nil {
		return nil, err
	}
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); time.Sleep(10 * time.Millisecond) { // it does not say that it is ready
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			_, port, _ := net.SplitHostPort(address)
			return &running{"localhost:" + port, cmd.Process.Pid, stop}, nil
		}
	}
	stop()
	return nil, fmt.Errorf("%s does not listen", program)
}
