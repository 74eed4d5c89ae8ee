package main

import (
	"bytes"
	"net"
	"net/http"
	"sync"

	"github.com/lxzan/gws"
)

// The members of a room; the empty name stands for all clients.
type members map[*gws.Conn]struct{}

// gwsSystem is a server of gws, which broadcasts with its Broadcaster. The rooms are a map of sets, as gws has none.
type gwsSystem struct {
	gws.BuiltinEventHandler
	bench    *benchServer
	upgrader *gws.Upgrader
	lock     sync.RWMutex
	rooms    map[string]members
}

// joined is the key of a connection's rooms in its session.
const joined = "rooms"

func newGws(bench *benchServer) *gwsSystem {
	s := &gwsSystem{bench: bench, rooms: make(map[string]members)}
	s.upgrader = gws.NewUpgrader(s, &gws.ServerOption{ReadMaxPayloadSize: 65_536, WriteMaxPayloadSize: 65_536})
	return s
}

func (s *gwsSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	socket, err := s.upgrader.Upgrade(w, r)
	if err != nil {
		return
	}
	// In a goroutine of its own, so that what net/http keeps for the request is collected.
	go socket.ReadLoop()
}

func (s *gwsSystem) OnOpen(socket *gws.Conn) {
	s.join(socket, "")
}

func (s *gwsSystem) OnClose(socket *gws.Conn, _ error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	value, _ := socket.Session().Load(joined)
	names, _ := value.([]string)
	for _, name := range names {
		delete(s.rooms[name], socket)
		s.bench.resize(name, -1)
	}
}

func (s *gwsSystem) join(socket *gws.Conn, name string) {
	s.lock.Lock()
	defer s.lock.Unlock()
	value, _ := socket.Session().Load(joined)
	names, _ := value.([]string)
	socket.Session().Store(joined, append(names, name))
	if s.rooms[name] == nil {
		s.rooms[name] = make(members)
	}
	s.rooms[name][socket] = struct{}{}
	s.bench.resize(name, 1)
}

func (s *gwsSystem) OnMessage(socket *gws.Conn, message *gws.Message) {
	defer message.Close()
	text := message.Bytes()
	verb, rest, _ := bytes.Cut(text, []byte{' '})
	switch string(verb) {
	case "echo":
		_ = socket.WriteMessage(gws.OpcodeText, text)
	case "count":
		s.bench.counted.Add(1)
	case "speak":
		room, body, _ := bytes.Cut(rest, []byte{' '})
		s.broadcast(string(room), body)
	case "join":
		s.join(socket, string(rest))
		_ = socket.WriteString("joined")
	}
}

// broadcast sends a message with as many bytes as that of neffos.
func (s *gwsSystem) broadcast(room string, body []byte) {
	header := ";default;;tick;0;0;"
	broadcaster := gws.NewBroadcaster(gws.OpcodeText, append([]byte(header), body...))
	defer broadcaster.Close()
	s.lock.RLock()
	defer s.lock.RUnlock()
	for socket := range s.rooms[room] {
		_ = broadcaster.Broadcast(socket)
	}
}

func (s *gwsSystem) listener(listener net.Listener) net.Listener {
	return countingListener{listener, &s.bench.written}
}

// countingListener accepts connections that count their writes. gws does not report when a broadcast is written.
type countingListener struct {
	net.Listener
	written *writes
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return countingConn{conn, l.written}, nil
}

type countingConn struct {
	net.Conn
	written *writes
}

func (c countingConn) Write(bytes []byte) (int, error) {
	n, err := c.Conn.Write(bytes)
	c.written.add()
	return n, err
}
