// Package clients runs the real clients of a Letta server for the end-to-end tests: curl, Python's letta-client and
// npm's @letta-ai/letta-client. Each has the same conversation: health, an agent, one streamed message, and the agent
// is deleted. What a client sees is reported in the moment it sees it, so that a test can tell a stream from an
// answer that came at the end:
//
//	python, err := clients.Python(ctx)
//	…
//	gate := llm.Gate("python")
//	err = python.Talk(ctx, clients.Conversation{
//		BaseURL: "https://localhost:8283", CAFile: "rootCA.pem",
//		Model: "openai-proxy/" + model.Name, Message: "please wait for python",
//	}, func(e clients.Event) {
//		if e.Text() != "" {
//			gate.Open() // the model sends the next piece only now
//		}
//	})
//
// The clients are installed once, into the cache folder ($LETTA_DEV_CACHE, by default ~/.cache/letta-dev). The programs
// they run are talk.py, talk.mjs and talk.sh, which work by hand as well.
package clients

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

var (
	//go:embed install.sh
	installScript string
	//go:embed talk.sh
	curlScript string
	//go:embed talk.py
	pythonScript string
	//go:embed talk.mjs
	nodeScript string
)

// maxLine bounds one line of a client, which is one event of the server.
const maxLine = 1 << 20 // bytes

// Client is an installed client.
type Client struct {
	// Name is curl, python or node.
	Name string

	argv []string
	dir  string
}

// Curl returns curl, which it installs where it is missing.
func Curl(ctx context.Context) (*Client, error) {
	dir, err := install(ctx, "curl")
	return &Client{Name: "curl", argv: []string{"bash", "-c", curlScript}, dir: dir}, err
}

// Python returns Python with letta-client.
func Python(ctx context.Context) (*Client, error) {
	dir, err := install(ctx, "python")
	python := filepath.Join(dir, "bin", "python")
	return &Client{Name: "python", argv: []string{python, "-c", pythonScript}, dir: dir}, err
}

// Node returns Node with @letta-ai/letta-client, which it finds from its working directory.
func Node(ctx context.Context) (*Client, error) {
	dir, err := install(ctx, "node")
	return &Client{Name: "node", argv: []string{"node", "--input-type=module", "--eval", nodeScript}, dir: dir}, err
}

// AppServer returns the command that is the program letta, which runs the Letta App Server. The script of that name in the folder
// was installed under another one.
func AppServer(ctx context.Context) ([]string, error) {
	dir, err := install(ctx, "app-server")
	return []string{filepath.Join(dir, "bin", "python"), "-c", "import sys; from letta_code import main; sys.exit(main())"}, err
}

// install runs install.sh and returns the folder that it prints.
func install(ctx context.Context, name string) (string, error) {
	cmd := exec.CommandContext(ctx, "bash", "-c", installScript, "install.sh", name)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	dir, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("install the %s client: %w\n%s", name, err, &talk)
	}
	return strings.TrimSpace(string(dir)), nil
}

// Conversation says what a client talks about, and with whom.
type Conversation struct {
	BaseURL string // of the server, without a slash at the end
	CAFile  string // an authority the client trusts, PEM; none for plain http
	APIKey  string // the server's password; may be empty
	Model   string // handle of the agent's model
	Message string // what the user says: one line
}

// environ is the client's whole environment: nothing of the test's own (a proxy, another server) reaches it. The three
// clients read the authority from three variables.
func (c Conversation) environ() []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"),
		"LETTA_BASE_URL=" + c.BaseURL, "LETTA_MODEL=" + c.Model, "LETTA_MESSAGE=" + c.Message,
	}
	if c.APIKey != "" {
		env = append(env, "LETTA_API_KEY="+c.APIKey)
	}
	if c.CAFile != "" {
		env = append(env, "CURL_CA_BUNDLE="+c.CAFile, "SSL_CERT_FILE="+c.CAFile, "NODE_EXTRA_CA_CERTS="+c.CAFile)
	}
	return env
}

// Talk has the conversation and calls show with every event as soon as the client has printed it. It returns when the
// client has ended; the error holds what the client said when it failed.
func (c *Client) Talk(ctx context.Context, about Conversation, show func(Event)) error {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = about.environ()
	cmd.WaitDelay = 5 * time.Second // curl may outlive the bash that was killed, and holds the pipe
	var talk bytes.Buffer
	cmd.Stderr = &talk
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("run the %s client: %w", c.Name, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("run the %s client: %w", c.Name, err)
	}
	readErr := readEvents(stdout, show)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the %s client failed: %w\n%s", c.Name, err, &talk)
	}
	if readErr != nil {
		return fmt.Errorf("read the %s client's output: %w", c.Name, readErr)
	}
	return nil
}

// Event is something that a client saw.
type Event struct {
	// At is the client's own clock, which has no meaning beyond differences, in steps of a millisecond or less.
	At time.Duration
	// Step is health, create, event (one frame of the stream) or delete.
	Step string
	// Type is the frame's message_type, such as ping, assistant_message or stop_reason; empty for other steps.
	Type string
	// Data is what the server sent.
	Data json.RawMessage
}

// Text is the agent's text in this event: one piece of the answer, or nothing.
func (e Event) Text() string {
	var message struct{ Content string }
	if e.Type != "assistant_message" || json.Unmarshal(e.Data, &message) != nil {
		return ""
	}
	return message.Content
}

// readEvents calls show with the event of each line. After an error it reads on to the end: a client whose pipe is
// full would never exit.
func readEvents(r io.Reader, show func(Event)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		event, err := parseEvent(lines.Bytes())
		if err != nil {
			io.Copy(io.Discard, r)
			return err
		}
		show(event)
	}
	io.Copy(io.Discard, r)
	return lines.Err()
}

func parseEvent(line []byte) (Event, error) {
	var printed struct {
		AtMS float64 `json:"at_ms"`
		Step string
		Data json.RawMessage
	}
	if err := json.Unmarshal(line, &printed); err != nil {
		return Event{}, fmt.Errorf("line %q: %w", line, err)
	}
	event := Event{
		At:   time.Duration(printed.AtMS * float64(time.Millisecond)),
		Step: printed.Step,
		Data: printed.Data,
	}
	if event.Step == "event" {
		var frame struct {
			Type string `json:"message_type"`
		}
		if err := json.Unmarshal(printed.Data, &frame); err != nil {
			return Event{}, fmt.Errorf("frame %q: %w", printed.Data, err)
		}
		event.Type = frame.Type
	}
	return event, nil
}
