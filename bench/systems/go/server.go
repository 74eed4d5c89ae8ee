package main

import (
	"bytes"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A stream has at most maxInFlight rounds that the clients have not received. It stops waiting for lost ones after
// lossTimeout.
const (
	maxInFlight = 20
	lossTimeout = 200 * time.Millisecond
)

// system is one of the measured libraries. It reports to a benchServer.
type system interface {
	// ServeHTTP upgrades a request.
	http.Handler
	// broadcast sends a message to a room; to all clients when the room is empty.
	broadcast(room string, body []byte)
	// listener wraps the one that the server accepts connections from.
	listener(net.Listener) net.Listener
}

// benchServer is the server with its counts.
type benchServer struct {
	system system
	lock   sync.Mutex
	// sizes are the numbers of members of each room; the empty name stands for all clients.
	sizes   map[string]int
	counted atomic.Int64
	written writes
	// seen receives how many rounds of a stream the clients have received.
	seen chan int
}

func newBenchServer() *benchServer {
	return &benchServer{sizes: make(map[string]int), written: writes{reached: make(chan struct{}, 1)}, seen: make(chan int, 1024)}
}

func (h *benchServer) resize(room string, by int) {
	h.lock.Lock()
	defer h.lock.Unlock()
	h.sizes[room] += by
}

func (h *benchServer) members(room string) int {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.sizes[room]
}

// round broadcasts one message to each of the rooms and returns when all are written.
func (h *benchServer) round(rooms []string, size int) {
	body := bytes.Repeat([]byte{'x'}, size)
	due := 0
	for _, room := range rooms {
		due += h.members(room)
	}
	h.written.expect(due)
	for _, room := range rooms {
		h.system.broadcast(room, body)
	}
	h.written.wait()
}

// stream broadcasts for the given time, as fast as the clients receive, and returns the number of rounds.
func (h *benchServer) stream(long time.Duration, perTick, size int) int {
	end := time.Now().Add(long)
	// Discards late reports about an earlier stream.
	h.latest(0)
	rounds, seen := 0, 0
	for time.Now().Before(end) {
		h.round(make([]string, max(perTick, 1)), size)
		rounds++
		for seen = h.latest(seen); rounds-seen >= maxInFlight; {
			select {
			case seen = <-h.seen:
			case <-time.After(lossTimeout):
				seen = rounds
			}
		}
	}
	return rounds
}

// latest returns the last reported number of received rounds.
func (h *benchServer) latest(before int) int {
	for {
		select {
		case before = <-h.seen:
		default:
			return before
		}
	}
}

func (h *benchServer) listen() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	go http.Serve(h.system.listener(listener), h.system)
	return listener.Addr().(*net.TCPAddr).Port, nil
}
