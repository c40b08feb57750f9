// Command bench prints what letta-dev weighs and what it adds, each beside what it is added to, measured in one run. It judges nothing.
//
//	make bench
//	make bench ONLY="wire handshakes"
//
// What `up` adds is taken from one and the same start: the command's whole time, less the container's own, which is what a plain
// `docker run` would take: from the engine's creation of it to the first health answer that an independent prober sees at its address.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const project = "ldt-bench"

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		fmt.Fprintln(os.Stderr, "bench:", play(role))
		os.Exit(1)
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run: the program, and a home of its own.
type bench struct {
	bin, home string
}

func run() error {
	bin, err := filepath.Abs("bin/letta-dev")
	if err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "letta-dev-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(home)
	b := &bench{bin, home}
	if os.Getenv(outside) != "" {
		return b.certsInside()
	}
	defer b.command("down", "--volumes", "--yes").Run()
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"weight", b.weight}, {"certs", b.certs}, {"handshakes", b.handshakes}, {"wire", b.wire}, {"sockets", b.sockets}, {"demo", b.demo}, {"real", b.real},
	} {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], part.name) {
			continue
		}
		if err := part.measure(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func (b *bench) command(args ...string) *exec.Cmd {
	cmd := exec.Command(b.bin, append([]string{"--project", project}, args...)...)
	cmd.Env = []string{"HOME=" + b.home, "PATH=" + os.Getenv("PATH"), "DOCKER_HOST=" + os.Getenv("DOCKER_HOST")}
	cmd.Dir = b.home
	return cmd
}

// timed runs letta-dev and returns how long it took.
func (b *bench) timed(args ...string) (time.Duration, error) {
	begin := time.Now()
	if out, err := b.command(args...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("letta-dev %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return time.Since(begin), nil
}

// weight is the size of the program, and the time to say its version beside that to do nothing at all.
func (b *bench) weight() error {
	info, err := os.Stat(b.bin)
	if err != nil {
		return err
	}
	fmt.Printf("binary                    %.1f MB\n", float64(info.Size())/1e6)
	var version, nothing []time.Duration
	for range 41 {
		took, err := b.timed("version")
		if err != nil {
			return err
		}
		version = append(version, took)
		begin := time.Now()
		if err := exec.Command("true").Run(); err != nil {
			return err
		}
		nothing = append(nothing, time.Since(begin))
	}
	v, n := middle(version), middle(nothing)
	fmt.Printf("version                   %v, true(1) %v: %v more\n", v.Round(100*time.Microsecond), n.Round(100*time.Microsecond), (v - n).Round(100*time.Microsecond))
	return nil
}

// demo is the time from the built program to the first answer that a client which trusts our root believes.
func (b *bench) demo() error {
	for _, kind := range []string{"with an engine", "the second time", "third"} {
		begin := time.Now()
		if _, err := b.timed("up", "-d", "--demo", "--trust", "none"); err != nil {
			return err
		}
		ca, err := b.command("certs", "path").Output()
		if err != nil {
			return err
		}
		curl := exec.Command("curl", "-sf", "--cacert", strings.TrimSpace(string(ca)), "https://letta.localhost/v1/health/")
		if out, err := curl.CombinedOutput(); err != nil {
			return fmt.Errorf("curl: %w: %s", err, out)
		}
		fmt.Printf("demo, %-19s %.2f s to the first trusted answer\n", kind, time.Since(begin).Seconds())
	}
	again, err := b.timed("up", "-d", "--demo", "--trust", "none")
	if err != nil {
		return err
	}
	fmt.Printf("up that changes nothing   %v\n", again.Round(time.Millisecond))
	if err := b.rest(); err != nil {
		return err
	}
	_, err = b.timed("down")
	return err
}

// rest is the memory of the background process that serves nobody.
func (b *bench) rest() error {
	out, err := b.command("status", "--json").Output()
	if err != nil {
		return err
	}
	var status struct {
		Data struct{ Proxy struct{ PID int } }
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return err
	}
	text, err := os.ReadFile("/proc/" + strconv.Itoa(status.Data.Proxy.PID) + "/smaps_rollup")
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if f := strings.Fields(line); len(f) == 3 && (f[0] == "Rss:" || f[0] == "Pss_Anon:") {
			kib, err := strconv.Atoi(f[1])
			if err != nil {
				return err
			}
			fmt.Printf("at rest, %-16s %.1f MB\n", strings.TrimSuffix(f[0], ":"), float64(kib)/1e3)
		}
	}
	return nil
}

// real starts the real server twice: with a database to make, and with one that is there.
func (b *bench) real() error {
	if exec.Command("docker", "image", "inspect", "letta/letta:0.16.8").Run() != nil {
		fmt.Println("the real server           left out: no image letta/letta:0.16.8; try make letta-image")
		return nil
	}
	for _, kind := range []string{"first start", "second start"} {
		ctx, stop := context.WithCancel(context.Background())
		own := make(chan time.Duration, 1)
		go func() { own <- containersOwn(ctx) }()
		whole, err := b.timed("up", "-d", "--trust", "none", "--wait-timeout", "6m")
		if err != nil {
			stop()
			return err
		}
		server := <-own
		stop()
		fmt.Printf("up, real, %-15s %.2f s, of it the container's own %.2f s: adds %v, ratio %.3f\n", kind, whole.Seconds(), server.Seconds(),
			(whole - server).Round(time.Millisecond), whole.Seconds()/server.Seconds())
		if _, err := b.timed("down"); err != nil {
			return err
		}
	}
	return nil
}

// containersOwn is the time from the creation of the project's server container to its first health answer.
func containersOwn(ctx context.Context) time.Duration {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) { // a sampling interval, not a decision
		out, err := exec.CommandContext(ctx, "docker", "inspect", "--format",
			"{{.Created}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", project+"-letta-server").Output()
		if err != nil {
			continue
		}
		created, address, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		at, err := time.Parse(time.RFC3339Nano, created)
		if err != nil || at.Year() < 2000 || address == "" {
			continue
		}
		for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
			resp, err := client.Get("http://" + address + ":8283/v1/health/")
			if err != nil {
				continue
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return time.Since(at)
			}
		}
	}
	return 0
}
