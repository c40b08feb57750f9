package keypair

import (
	"bytes"
	"slices"
	"time"

	"github.com/letta-dev/letta-dev/certs/host"
)

// endsSoon is how long before its end a certificate is reported, or a third of its life where that is shorter.
const endsSoon = 7 * 24 * time.Hour

// watched is what Run knows of the files.
type watched struct {
	files   host.Stamps // when they were looked at last, wherever links led: Kubernetes and certbot replace links, not files
	refused bool        // they hold something that is not in use
	told    bool        // and that was reported
	end     ending      // what was reported of the certificate in use
}

// ending is how near a certificate's end is.
type ending int

const (
	endsLater ending = iota
	endsNext
	ended
)

// look takes what is new in the files into use. Files are replaced one after the other, and written piece by piece: what
// cannot be used is reported when it is still so at the next look. It is tried again at each, for time may mend it.
func (p *Pair) look() {
	w := &p.watched
	files := host.StampsOf([]string{p.certFile, p.keyFile})
	same := files.Equal(w.files)
	if same && !w.refused {
		return
	}
	w.files = files
	pair, err := p.load()
	if err != nil {
		p.refuse(err, same)
		return
	}
	news := w.told || !sameChain(pair, p.current.Load())
	w.refused, w.told = false, false
	if news {
		p.current.Store(pair)
		p.tell(Change{})
		p.warn()
	}
}

// refuse keeps the pair in use, and says so once for each state of the files.
func (p *Pair) refuse(err error, again bool) {
	w := &p.watched
	w.refused, w.told = true, w.told && again
	if again && !w.told {
		w.told = true
		p.tell(Change{Refused: err})
	}
}

// warnOfEnd reports once that the end of the certificate in use is near, and once that it has come.
func (p *Pair) warnOfEnd() {
	leaf, now := p.current.Load().certificate.Leaf, p.now()
	ahead := min(endsSoon, leaf.NotAfter.Sub(leaf.NotBefore)/3)
	state, says := endsLater, ""
	switch {
	case now.After(leaf.NotAfter):
		state, says = ended, "it ended on %s, and no client accepts it any more"
	case now.After(leaf.NotAfter.Add(-ahead)):
		state, says = endsNext, "it ends on %s, and nobody but you renews it"
	}
	if state != p.watched.end && state != endsLater {
		p.tell(Change{Warning: oddity(p.certFile, p.renewal(leaf), says, moment(leaf.NotAfter))})
	}
	p.watched.end = state
}

// sameChain tells whether two pairs are one: a certificate's key is in it.
func sameChain(a, b *served) bool {
	return slices.EqualFunc(a.certificate.Certificate, b.certificate.Certificate, bytes.Equal)
}
