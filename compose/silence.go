package compose

import (
	"io"
	"sync"

	"github.com/sirupsen/logrus"
)

// logrusMu serialises silently. It is a package variable because what it guards is one: compose-go warns through the global
// logger of logrus, and two loads at a time would each restore what the other had set.
var logrusMu sync.Mutex

// silently runs f with the global logger of logrus turned off. compose-go tells it of every variable that is not set, on stderr,
// in the middle of our own output.
func silently(f func()) {
	logrusMu.Lock()
	defer logrusMu.Unlock()
	out := logrus.StandardLogger().Out
	logrus.SetOutput(io.Discard)
	defer logrus.SetOutput(out)
	f()
}
