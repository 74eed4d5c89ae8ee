package main

import (
	"sync/atomic"
	"time"

	"github.com/kataras/neffos"
)

// Where less than expected is written, a round counts as handed over when nothing has been for so many looks in a row:
// long enough for a busy machine, since a round that begins too early is one that loses more.
const (
	look  = 25 * time.Millisecond
	looks = 4
)

// writes counts the messages that have been written to sockets.
type writes struct {
	count atomic.Int64
	// target is the count at which reached is told.
	target  atomic.Int64
	reached chan struct{}
}

// counting is a socket whose writes are counted: nothing else tells when a broadcast has been handed over.
type counting struct {
	neffos.Socket
	written *writes
}

func (s counting) WriteText(body []byte, timeout time.Duration) error {
	err := s.Socket.WriteText(body, timeout)
	s.written.add()
	return err
}

func (s counting) WriteBinary(body []byte, timeout time.Duration) error {
	err := s.Socket.WriteBinary(body, timeout)
	s.written.add()
	return err
}

func (w *writes) add() {
	if w.count.Add(1) == w.target.Load() {
		w.reached <- struct{}{}
	}
}

// expect has the next wait end when so many more have been written.
func (w *writes) expect(more int) {
	select {
	case <-w.reached:
	default:
	}
	w.target.Store(w.count.Load() + int64(more))
}

// wait returns when what is expected has been written, or nothing more comes.
func (w *writes) wait() {
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	last, quiet := w.count.Load(), 0
	for quiet < looks {
		select {
		case <-w.reached:
			return
		case <-ticks.C:
			now := w.count.Load()
			if now == last {
				quiet++
			} else {
				last, quiet = now, 0
			}
		}
	}
}
