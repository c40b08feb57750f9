package orchestrator_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/letta-dev/letta-dev/compose"
	"github.com/letta-dev/letta-dev/orchestrator"
)

// manual is the stack of the package's manual: a server, and a database that is healthy before the server starts.
func manual() *compose.Project {
	network := []compose.Attachment{{Network: "default"}}
	return &compose.Project{
		Name: "agents",
		Services: []compose.Service{
			{Name: "db", ContainerName: "agents-db-1", Image: "pgvector/pgvector:0.8.1-pg15", Networks: network,
				Mounts: []compose.Mount{{Kind: "volume", Source: "data", Target: "/var/lib/postgresql/data"}}},
			{Name: "letta", ContainerName: "letta-server", Image: "letta/letta:0.16.8", Networks: network,
				Environment: map[string]string{"LETTA_PG_URI": "postgresql://letta@db/letta"},
				DependsOn:   []compose.Dependency{{Service: "db", Condition: orchestrator.Healthy}}},
		},
		Networks: map[string]compose.Network{"default": {Name: "agents_default"}},
		Volumes:  map[string]compose.Volume{"data": {Name: "agents_data"}},
		Settings: compose.Settings{Server: "letta"},
	}
}

// A plan is what is wanted less what stands: here nothing does.
func ExampleDiff() {
	plan, err := orchestrator.Diff(orchestrator.WantOf(manual()), orchestrator.Observation{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan)
	// Output:
	//  1. create network agents_default
	//       because it is not there
	//  2. create volume agents_data
	//       because it is not there
	//  3. pull image pgvector/pgvector:0.8.1-pg15
	//       because it is not here
	//  4. pull image letta/letta:0.16.8
	//       because it is not here
	//  5. create container agents-db-1
	//       because it is not there
	//  6. start container agents-db-1
	//       because it was just made
	//  7. create container letta-server
	//       because it is not there
	//  8. wait for container agents-db-1
	//       because what depends on it wants service_healthy
	//  9. start container letta-server
	//       because it was just made
	// 10. wait for container letta-server
	//       because up is done when it answers
}

// The package's manual shows the plan as it prints.
func TestManualShowsThePlan(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := orchestrator.Diff(orchestrator.WantOf(manual()), orchestrator.Observation{})
	if err != nil {
		t.Fatal(err)
	}
	shown := "\t" + strings.ReplaceAll(strings.TrimSuffix(plan.String(), "\n"), "\n", "\n\t")
	if manual := file.Doc.Text(); !strings.Contains(manual, shown) {
		t.Errorf("the manual is\n%s\nwant this plan in it:\n%s", manual, shown)
	}
}
