// Command bench is a Go neffos server that does what the conductor of the bench asks for.
//
// Requests come on stdin, one JSON object a line, and are answered on stdout by their id; the first line out says where
// the server listens. It ends with its stdin.
//
//	broadcast {rounds, perTurn, bytes, room}  answers {written} when the last round is handed over
//	stream {ms, perTurn, bytes}               broadcasts for so long; answers {rounds, written}
//	seen {rounds}                             of a stream that the clients have completely
//	counts {room}                             answers {members, counted}
//	cpu                                       answers {user, system} in microseconds
//	gc                                        gives back what is free
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"
)

// request is what the conductor wants done.
type request struct {
	ID   int    `json:"id"`
	Verb string `json:"verb"`
	// Rounds of a broadcast, messages in each, and bytes of a body.
	Rounds  int `json:"rounds"`
	PerTurn int `json:"perTurn"`
	Bytes   int `json:"bytes"`
	// Room that is broadcast to; everybody when it is empty.
	Room string `json:"room"`
	// Ms that a stream lasts.
	Ms int `json:"ms"`
}

// answer is what came of a request, beside its id.
type answer map[string]any

func main() {
	isSync := flag.Bool("sync", false, "write each broadcast to everybody before the next is taken")
	flag.Parse()
	h := newHall(*isSync)
	port, err := h.listen()
	if err != nil {
		fail(err)
	}
	say(answer{"ready": true, "port": port})
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<16), 1<<22)
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fail(err)
		}
		if r.Verb == "stream" {
			go h.answer(r)
		} else {
			h.answer(r)
		}
	}
}

var (
	out     = json.NewEncoder(os.Stdout)
	outLock sync.Mutex
)

func say(a answer) {
	outLock.Lock()
	defer outLock.Unlock()
	if err := out.Encode(a); err != nil {
		fail(err)
	}
}

func (h *hall) answer(r request) {
	a, err := h.do(r)
	if err != nil {
		a = answer{"error": err.Error()}
	}
	a["id"] = r.ID
	say(a)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (h *hall) do(r request) (answer, error) {
	switch r.Verb {
	case "broadcast":
		before := h.written.count.Load()
		for range r.Rounds {
			h.round(r.PerTurn, r.Bytes, r.Room)
		}
		return answer{"written": h.written.count.Load() - before}, nil
	case "stream":
		before := h.written.count.Load()
		rounds := h.stream(time.Duration(r.Ms)*time.Millisecond, r.PerTurn, r.Bytes)
		return answer{"rounds": rounds, "written": h.written.count.Load() - before}, nil
	case "seen":
		select {
		case h.seen <- r.Rounds:
		default: // nobody listens: there is no stream
		}
		return answer{}, nil
	case "counts":
		return answer{"members": h.members(r.Room), "counted": h.counted.Load()}, nil
	case "gc":
		runtime.GC()
		debug.FreeOSMemory()
		return answer{}, nil
	case "cpu":
		return cpu()
	}
	return nil, fmt.Errorf("no such thing to do: %q", r.Verb)
}

// cpu is the processor time of this process in microseconds, as Node tells it.
func cpu() (answer, error) {
	var all syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &all); err != nil {
		return nil, err
	}
	micros := func(t syscall.Timeval) int64 { return int64(t.Sec)*1_000_000 + int64(t.Usec) }
	return answer{"user": micros(all.Utime), "system": micros(all.Stime)}, nil
}
