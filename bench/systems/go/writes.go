package main

import (
	"sync/atomic"
	"time"
)

// If messages are lost, a round ends after idleChecks checks in a row without a write. That is long enough for a busy
// machine: a round that begins too early loses more.
const (
	checkEvery = 25 * time.Millisecond
	idleChecks = 4
)

// writes counts the messages written to sockets.
type writes struct {
	count atomic.Int64
	// target is the count at which reached is signalled.
	target  atomic.Int64
	reached chan struct{}
}

func (w *writes) add() {
	if w.count.Add(1) == w.target.Load() {
		w.reached <- struct{}{}
	}
}

// expect sets how many further writes end the next wait.
func (w *writes) expect(more int) {
	select {
	case <-w.reached:
	default:
	}
	w.target.Store(w.count.Load() + int64(more))
}

// wait returns after the expected writes, or when no more happen.
func (w *writes) wait() {
	ticks := time.NewTicker(checkEvery)
	defer ticks.Stop()
	last, quiet := w.count.Load(), 0
	for quiet < idleChecks {
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
