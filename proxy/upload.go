package proxy

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// An upload sends a body from a goroutine of its own, since an upstream may answer
// before it has all of it, and both may go on for a long time. A nil upload has
// nothing to send.
type upload struct {
	x       *exchange
	up      *upstreamConn
	decided chan struct{} // closed once wanted is known
	done    chan struct{}
	err     error       // once done is closed
	timeout bodyTimeout // until the answer begins: what is said then may take as long as it likes

	once   sync.Once
	wanted bool
}

// startUpload sends the body at once, or where the client waits to be asked, once the
// upstream has asked, or has not for a while.
func startUpload(x *exchange, up *upstreamConn) *upload {
	u := &upload{x: x, up: up, decided: make(chan struct{}), done: make(chan struct{}), timeout: bodyTimeout{source: x.body, asked: x.askSocket}}
	x.body = &u.timeout
	if !x.request.ExpectsContinue() {
		u.start()
	}
	x.uploading.Go(func() {
		defer close(u.done)
		defer x.proxy.contain(u.abort)
		if !u.isWanted() {
			return
		}
		u.timeout.begin(x.proxy.limits.bodyIdle, u.bodyIdle)
		x.body.beforeWait(func() { up.out.Flush() })
		u.err = copyBody(x, up)
		if u.err == nil || u.brokeOff() {
			x.watch()
		}
	})
	return u
}

// bodyIdle cuts off the upstream, which waits for the rest, so that the client can be told.
func (u *upload) bodyIdle() {
	err := errBodyIdle
	u.x.bodyErr.CompareAndSwap(nil, &err)
	u.up.Close()
}

// brokeOff is for a body that could not be read to its end. Before the answer has begun it cuts off the upstream, which must not
// take the body for whole, so that the client can be told. An answer that has begun goes on: the two directions do not share one
// fate. It has limits.bodyIdle for its end, since the upstream may be waiting for the rest. A body that is too large ends both, and so does a client
// that is gone. brokeOff reports whether the answer goes on.
func (u *upload) brokeOff() bool {
	switch err := u.x.bodyErr.Load(); {
	case err == nil: // the upstream takes no more
		return false
	case errors.Is(*err, errTooLarge), isReset(*err):
		u.up.Close()
		return false
	}
	return u.timeout.fail(u.x.proxy.limits.bodyIdle, func() { u.up.Close() })
}

func (u *upload) abort(cause any) {
	u.err = fmt.Errorf("panic: %v", cause)
	u.up.Close()
}

// start says that the body is wanted.
func (u *upload) start() { u.decide(true) }

// settle says that the answer has begun: the body is not wanted unless it was before.
func (u *upload) settle() {
	u.decide(false)
	if u != nil {
		u.timeout.stop()
	}
}

func (u *upload) decide(wanted bool) {
	if u != nil {
		u.once.Do(func() { u.wanted = wanted; close(u.decided) })
	}
}

func (u *upload) isWanted() bool {
	select {
	case <-u.decided: // by now, for most
		return u.wanted
	default:
	}
	timer := time.NewTimer(continueAfter)
	defer timer.Stop()
	select {
	case <-u.decided:
	case <-timer.C:
		u.start()
		<-u.decided
	}
	return u.wanted
}

// finish returns when nothing is sent any more, and whether all was. An upload
// that is behind an answer which came to its end is of no use to anybody. One that
// cannot be ended at once drops what comes, and ends with the stream.
func (u *upload) finish() bool {
	if u == nil {
		return true
	}
	u.settle()
	select {
	case <-u.done:
		return u.wanted && u.err == nil
	default:
	}
	if u.x.arrived() { // what remains is to return, unless the upstream stopped reading
		if u.up.SetWriteDeadline(time.Unix(1, 0)) != nil {
			u.up.Close() // an engine's stream that has none
		}
		<-u.done
		u.up.SetWriteDeadline(time.Time{})
	} else {
		u.x.abandoned.Store(true)
		u.up.Close()
		if !u.x.body.abandon() {
			return false
		}
		<-u.done
	}
	return u.wanted && u.err == nil
}
