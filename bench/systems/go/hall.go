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

// Of a stream, so many rounds are on their way at most; one that the clients do not see for so long is given up.
const (
	ahead    = 20
	patience = 200 * time.Millisecond
)

// hall is the server and what has happened in it.
type hall struct {
	server *neffos.Server
	lock   sync.Mutex
	// sizes are the members of each room; those of the namespace are under the empty name.
	sizes   map[string]int
	counted atomic.Int64
	written writes
	// seen gets how many rounds of a stream the clients have completely.
	seen chan int
}

func newHall(isSync bool) *hall {
	h := &hall{sizes: make(map[string]int), written: writes{reached: make(chan struct{}, 1)}, seen: make(chan int, 1024)}
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

func (h *hall) resize(by int) neffos.MessageHandlerFunc {
	return func(_ *neffos.NSConn, msg neffos.Message) error {
		h.lock.Lock()
		defer h.lock.Unlock()
		h.sizes[msg.Room] += by
		return nil
	}
}

func (h *hall) members(room string) int {
	h.lock.Lock()
	defer h.lock.Unlock()
	return h.sizes[room]
}

func (h *hall) echo(_ *neffos.NSConn, msg neffos.Message) error {
	return neffos.Reply(msg.Body)
}

func (h *hall) speak(ns *neffos.NSConn, msg neffos.Message) error {
	ns.Conn.Server().Broadcast(nil, neffos.Message{
		Namespace: msg.Namespace, Room: msg.Room, Event: msg.Event, Body: msg.Body,
	})
	return nil
}

func (h *hall) count(*neffos.NSConn, neffos.Message) error {
	h.counted.Add(1)
	return nil
}

// round broadcasts so many messages, and returns when they have been handed over.
func (h *hall) round(perTurn, size int, room string) {
	body := bytes.Repeat([]byte{'x'}, size)
	h.written.expect(h.members(room) * perTurn)
	for range perTurn {
		h.server.Broadcast(nil, neffos.Message{Namespace: namespace, Room: room, Event: "tick", Body: body})
	}
	h.written.wait()
}

// stream goes on for so long, as fast as the clients follow, and tells the number of rounds.
func (h *hall) stream(long time.Duration, perTurn, size int) int {
	end := time.Now().Add(long)
	// What an earlier stream was told late is not of this one.
	h.latest(0)
	rounds, seen := 0, 0
	for time.Now().Before(end) {
		h.round(perTurn, size, "")
		rounds++
		for seen = h.latest(seen); rounds-seen >= ahead; {
			select {
			case seen = <-h.seen:
			case <-time.After(patience):
				seen = rounds
			}
		}
	}
	return rounds
}

// latest is what the clients were last known to have seen.
func (h *hall) latest(before int) int {
	for {
		select {
		case before = <-h.seen:
		default:
			return before
		}
	}
}

func (h *hall) listen() (int, error) {
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
