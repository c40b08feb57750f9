// The shapes of this file are what the orchestrator plans with: plain data, comparable by its JSON, free of
// the loader's own types, so that another loader could stand behind Load without anybody noticing.

package compose

import (
	"time"

	"github.com/letta-dev/letta-dev/proxy/policy"
)

// Project is a stack: services with the networks and volumes they use, and letta-dev's own settings.
type Project struct {
	Name     string             // as a label value and a name prefix: lower case letters, digits, - and _
	Dir      string             `json:"-"` // the folder it is of, absolute: that of the first file, else the one that was looked in
	Files    []string           // the compose files it was read from; empty for the embedded stack
	Services []Service          // in start order: a service stands after those it depends on
	Networks map[string]Network // by their key in the file
	Volumes  map[string]Volume  // by their key in the file
	Settings Settings           // x-letta-dev
	Notes    []string           // what a person should know of how the files were read, one line each
	Warnings []string           // what they should mend in them, one line each
	NoTLS    bool               // LOCAL_HTTPS is false in the environment or in .env: the proxy speaks plain HTTP only

	settings map[string]position // where each part of x-letta-dev stands: only later can be told whether some can be
}

// Service is one container to be, with everything interpolated and resolved.
type Service struct {
	Name          string // key in the file
	ContainerName string // container_name, or PROJECT-SERVICE-1 as compose names it; never empty after Load
	Image         string
	Entrypoint    []string
	Command       []string
	Environment   map[string]string // never holds an empty value
	Ports         []Port
	Mounts        []Mount
	Tmpfs         []string // PATH or PATH:OPTIONS
	Networks      []Attachment
	Hostname      string
	User          string
	WorkingDir    string
	ExtraHosts    []string // HOST:ADDRESS, sorted
	DependsOn     []Dependency
	Healthcheck   *Healthcheck
	Restart       string            // no, always, on-failure[:N], unless-stopped; empty is no
	StopGrace     time.Duration     // stop_grace_period; 0 is the engine's default
	Labels        map[string]string // the file's own labels
	Init          bool
	ShmSize       int64    // bytes; 0 is the engine's default
	Ulimits       []Ulimit // by name
	CapAdd        []string
	CapDrop       []string
	SecurityOpt   []string
}

// Port publishes a port of the container on the host.
type Port struct {
	Target   int    // in the container
	HostIP   string // never empty after Load: 127.0.0.1 where the file named none or all interfaces
	HostPort int    // 0: the engine chooses a free one; also where the proxy holds the port the file asked for
	Protocol string // tcp or udp
}

// Mount puts a named volume or a folder of the host into the container.
type Mount struct {
	Kind     string // volume or bind
	Source   string // the volume's key in the file, or an absolute path
	Target   string
	ReadOnly bool
}

// Attachment joins a service to a network.
type Attachment struct {
	Network string   // key in the file
	Aliases []string // the service's own name first, as compose has it, then those of the file
}

// Dependency is one entry of depends_on.
type Dependency struct {
	Service   string
	Condition string // service_started, service_healthy, service_completed_successfully
	Optional  bool   `json:",omitempty"` // required: false: the service starts though the condition cannot be met
}

// Healthcheck is the engine's own probe of a container.
type Healthcheck struct {
	Test        []string // CMD …, CMD-SHELL …, or NONE
	Interval    time.Duration
	Timeout     time.Duration
	StartPeriod time.Duration
	Retries     int
}

// Ulimit is one resource limit of a container.
type Ulimit struct {
	Name       string
	Soft, Hard int64
}

// Network is a network the stack needs.
type Network struct {
	Name     string // as the engine knows it
	External bool   // made by somebody else: used, never made or removed
}

// Volume is a named volume the stack needs.
type Volume struct {
	Name     string // as the engine knows it
	External bool   // made by somebody else: used, never made or removed
}

// Settings are letta-dev's own, under x-letta-dev in the compose file.
type Settings struct {
	Server    string    // key of the service that is the Letta server; never empty after Load
	Hosts     []string  // names the proxy serves besides the built-in ones
	Origins   []string  // web origins that may talk to the server, besides https://app.letta.com
	Listeners []string  // addresses instead of the four listeners: PORT or HOST:PORT
	WebSocket WebSocket // where upgrades go

	Policy policy.Rules `json:",omitzero"` // what the proxy is asked for beyond that; its CORS are Origins
}

// WebSocket configures the upstream of WebSocket upgrades.
type WebSocket struct {
	Upstream string // ws://, wss://, http:// or https:// URL; empty: the built-in bridge
}
