package main

import (
	"bytes"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kataras/neffos"
	transport "github.com/kataras/neffos/gorilla"
)

const namespace = "default"

// A stream has at most maxInFlight rounds that the clients have not received. It stops waiting for lost ones after
// lossTimeout.
const (
	maxInFlight = 20
	lossTimeout = 200 * time.Millisecond
)

// benchServer is the server with its counts.
type benchServer struct {
	server *neffos.Server
	lock   sync.Mutex
	// sizes are the numbers of members of each room; the empty name stands for the namespace.
	sizes   map[string]int
	counted atomic.Int64
	written writes
	// seen receives how many rounds of a stream the clients have received.
	seen chan int
}

func newBenchServer(isSync bool) *benchServer {
	h := &benchServer{sizes: make(map[string]int), written: writes{reached: make(chan struct{}, 1)}, seen: make(chan int, 1024)}
	h.server = neffos.New(transport.DefaultUpgrader, neffos.Namespaces{namespace: neffos.Events{
		neffos.OnNamespaceConnected:  h.resize(1),
		neffos.OnNamespaceDisconnect: h.resize(-1),
		neffos.OnRoomJoined:          h.resize(1),
		neffos.OnRoomLeft:            h.resize(-1),
		"echo":                       h.echo,
		"speak":                      h.speak,
		"count":                      h.count,
	}})
	h.server.SyncBroadcaster = isSync
	return h
}

func (h *benchServer) resize(by int) neffos.MessageHandlerFunc {
	return func(_ *neffos.NSConn, msg neffos.Message) error {
		h.lock.Lock()
		defer h.lock.Unlock()
		h.sizes[msg.Room] += by
		return nil
	}
}

func (h *benchServer) members(room string) int {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.sizes[room]
}

func (h *benchServer) echo(_ *neffos.NSConn, msg neffos.Message) error {
	return neffos.Reply(msg.Body)
}

func (h *benchServer) speak(ns *neffos.NSConn, msg neffos.Message) error {
	ns.Conn.Server().Broadcast(nil, neffos.Message{
		Namespace: msg.Namespace, Room: msg.Room, Event: msg.Event, Body: msg.Body,
	})
	return nil
}

func (h *benchServer) count(*neffos.NSConn, neffos.Message) error {
	h.counted.Add(1)
	return nil
}

// round broadcasts perTick messages and returns when they are written.
func (h *benchServer) round(perTick, size int, room string) {
	body := bytes.Repeat([]byte{'x'}, size)
	h.written.expect(h.members(room) * perTick)
	for range perTick {
		h.server.Broadcast(nil, neffos.Message{Namespace: namespace, Room: room, Event: "tick", Body: body})
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
		h.round(perTick, size, "")
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
	counted := func(socket neffos.Socket) neffos.Socket { return counting{socket, &h.written} }
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.server.Upgrade(w, r, counted, nil)
	}))
	return listener.Addr().(*net.TCPAddr).Port, nil
}
