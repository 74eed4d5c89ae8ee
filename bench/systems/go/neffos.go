package main

import (
	"net"
	"net/http"
	"time"

	"github.com/kataras/neffos"
	transport "github.com/kataras/neffos/gorilla"
)

const namespace = "default"

// neffosSystem is a server of neffos.
type neffosSystem struct {
	bench  *benchServer
	server *neffos.Server
}

func newNeffos(bench *benchServer, isSync bool) *neffosSystem {
	s := &neffosSystem{bench: bench}
	s.server = neffos.New(transport.DefaultUpgrader, neffos.Namespaces{namespace: neffos.Events{
		neffos.OnNamespaceConnected:  s.resize(1),
		neffos.OnNamespaceDisconnect: s.resize(-1),
		neffos.OnRoomJoined:          s.resize(1),
		neffos.OnRoomLeft:            s.resize(-1),
		"echo":                       s.echo,
		"speak":                      s.speak,
		"count":                      s.count,
	}})
	s.server.SyncBroadcaster = isSync
	return s
}

func (s *neffosSystem) resize(by int) neffos.MessageHandlerFunc {
	return func(_ *neffos.NSConn, msg neffos.Message) error {
		s.bench.resize(msg.Room, by)
		return nil
	}
}

func (s *neffosSystem) echo(_ *neffos.NSConn, msg neffos.Message) error {
	return neffos.Reply(msg.Body)
}

func (s *neffosSystem) speak(ns *neffos.NSConn, msg neffos.Message) error {
	ns.Conn.Server().Broadcast(nil, neffos.Message{
		Namespace: msg.Namespace, Room: msg.Room, Event: msg.Event, Body: msg.Body,
	})
	return nil
}

func (s *neffosSystem) count(*neffos.NSConn, neffos.Message) error {
	s.bench.counted.Add(1)
	return nil
}

func (s *neffosSystem) broadcast(room string, body []byte) {
	s.server.Broadcast(nil, neffos.Message{Namespace: namespace, Room: room, Event: "tick", Body: body})
}

func (s *neffosSystem) listener(listener net.Listener) net.Listener { return listener }

func (s *neffosSystem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	counted := func(socket neffos.Socket) neffos.Socket { return countingSocket{socket, &s.bench.written} }
	s.server.Upgrade(w, r, counted, nil)
}

// countingSocket is a socket that counts its writes. neffos does not report when a broadcast is written.
type countingSocket struct {
	neffos.Socket
	written *writes
}

func (s countingSocket) WriteText(body []byte, timeout time.Duration) error {
	err := s.Socket.WriteText(body, timeout)
	s.written.add()
	return err
}

func (s countingSocket) WriteBinary(body []byte, timeout time.Duration) error {
	err := s.Socket.WriteBinary(body, timeout)
	s.written.add()
	return err
}
