// Command bench is a server that answers the requests of the bench, of neffos or of gws.
//
// It reads requests from stdin, one JSON object per line, and writes answers with the same id to stdout. Its first line
// names the port of the server. It exits when stdin ends.
//
//	broadcast {rounds, perTick, bytes, room, rooms}
//	                                          answers {written} when the last round is written
//	stream {ms, perTick, bytes}               broadcasts for ms; answers {rounds, written}
//	seen {rounds}                             notes how many rounds of a stream the clients have received
//	counts {room}                             answers {members, counted}
//	cpu                                       answers {user, system} in microseconds
//	gc                                        collects garbage and returns free memory
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// request is a request of the bench.
type request struct {
	ID   int    `json:"id"`
	Verb string `json:"verb"`
	// Rounds of a broadcast, messages in each, and bytes of a body.
	Rounds  int `json:"rounds"`
	PerTick int `json:"perTick"`
	Bytes   int `json:"bytes"`
	// Room of a broadcast; all clients when it is empty. With Rooms, the messages go to so many rooms in rotation.
	Room  string `json:"room"`
	Rooms int    `json:"rooms"`
	// Ms is the duration of a stream.
	Ms int `json:"ms"`
}

// answer is the answer to a request, without its id.
type answer map[string]any

func main() {
	system := flag.String("system", "neffos", "neffos or gws")
	isSync := flag.Bool("sync", false, "neffos: write each broadcast to all clients before the next one")
	flag.Parse()
	h := newBenchServer()
	switch *system {
	case "neffos":
		h.system = newNeffos(h, *isSync)
	case "gws":
		h.system = newGws(h)
	default:
		fail(fmt.Errorf("there is no system %q", *system))
	}
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

func (h *benchServer) answer(r request) {
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

// roomsOf returns the rooms of the messages of a round.
func roomsOf(r request, round int) []string {
	rooms := make([]string, max(r.PerTick, 1))
	for at := range rooms {
		rooms[at] = r.Room
		if r.Rooms > 0 {
			rooms[at] = "r" + strconv.Itoa((round*len(rooms)+at)%r.Rooms)
		}
	}
	return rooms
}

func (h *benchServer) do(r request) (answer, error) {
	switch r.Verb {
	case "broadcast":
		before := h.written.count.Load()
		for round := range r.Rounds {
			h.round(roomsOf(r, round), r.Bytes)
		}
		return answer{"written": h.written.count.Load() - before}, nil
	case "stream":
		before := h.written.count.Load()
		rounds := h.stream(time.Duration(r.Ms)*time.Millisecond, r.PerTick, r.Bytes)
		return answer{"rounds": rounds, "written": h.written.count.Load() - before}, nil
	case "seen":
		select {
		case h.seen <- r.Rounds:
		default: // no stream is running
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
	return nil, fmt.Errorf("there is no verb %q", r.Verb)
}

// cpu is the processor time of this process in microseconds, as Node reports it.
func cpu() (answer, error) {
	var all syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &all); err != nil {
		return nil, err
	}
	micros := func(t syscall.Timeval) int64 { return int64(t.Sec)*1_000_000 + int64(t.Usec) }
	return answer{"user": micros(all.Utime), "system": micros(all.Stime)}, nil
}
