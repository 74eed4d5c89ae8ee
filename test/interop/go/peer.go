package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"
	"github.com/kataras/neffos"
	transport "github.com/kataras/neffos/gorilla"
)

var lifecycle = []string{
	neffos.OnNamespaceConnect, neffos.OnNamespaceConnected, neffos.OnNamespaceDisconnect,
	neffos.OnRoomJoin, neffos.OnRoomJoined, neffos.OnRoomLeave, neffos.OnRoomLeft,
}

func (b body) bytes() []byte {
	if !b.IsBinary {
		return []byte(b.Text)
	}
	bytes, err := hex.DecodeString(b.Text)
	if err != nil {
		panic(err)
	}
	return bytes
}

func bodyOf(bytes []byte, isBinary bool) body {
	if isBinary || !utf8.Valid(bytes) {
		return body{Text: hex.EncodeToString(bytes), IsBinary: true}
	}
	return body{Text: string(bytes)}
}

func noteOf(id string, msg neffos.Message) note {
	n := note{
		Conn: id, Event: msg.Event, Namespace: msg.Namespace, Room: msg.Room, Body: bodyOf(msg.Body, msg.SetBinary),
		IsForced: msg.IsForced, IsLocal: msg.IsLocal, IsNative: msg.IsNative,
	}
	if msg.Err != nil {
		n.Err = msg.Err.Error()
	}
	return n
}

// act does what the test wants a handler to do: "reply", "reply:text", "empty", "any", "error:text", "broadcast",
// "broadcastOthers", "join", "leave", "refuse:room=text", "raw", or nothing.
func act(what string, ns *neffos.NSConn, msg neffos.Message) error {
	verb, rest, _ := strings.Cut(what, ":")
	switch verb {
	case "reply":
		if rest != "" {
			return neffos.Reply([]byte(rest))
		}
		return neffos.Reply(msg.Body)
	case "empty":
		return neffos.Reply(nil)
	case "any":
		if !neffos.IsSystemEvent(msg.Event) {
			return neffos.Reply(msg.Body)
		}
	case "error":
		return errors.New(rest)
	case "broadcast":
		ns.Conn.Server().Broadcast(nil, msg)
	case "broadcastOthers":
		ns.Conn.Server().Broadcast(ns, msg)
	case "join":
		room, err := ns.JoinRoom(context.Background(), string(msg.Body))
		if err != nil {
			return err
		}
		room.Emit("entered", msg.Body)
		return neffos.Reply([]byte("in"))
	case "leave":
		return ns.Room(msg.Room).Leave(context.Background())
	case "refuse":
		if room, text, _ := strings.Cut(rest, "="); room == msg.Room {
			return errors.New(text)
		}
	case "raw":
		ns.Conn.Write(neffos.Message{Namespace: msg.Namespace, IsNative: true, Body: append([]byte("re:"), msg.Body...)})
	}
	return nil
}

// namespaces makes what the test declares; lifecycle events are written down in any case, where that changes nothing.
func (p *peer) namespaces(handlers map[string]map[string]string, isNativeOnly bool) neffos.Namespaces {
	all := make(neffos.Namespaces)
	for namespace, events := range handlers {
		mapped := make(neffos.Events)
		_, takesAny := events[neffos.OnAnyEvent]
		if !isNativeOnly && !takesAny {
			for _, event := range lifecycle {
				mapped[event] = p.handler("")
			}
		}
		for event, what := range events {
			mapped[event] = p.handler(what)
		}
		all[namespace] = mapped
	}
	return all
}

func (p *peer) handler(what string) neffos.MessageHandlerFunc {
	return func(ns *neffos.NSConn, msg neffos.Message) error {
		p.remember(ns.Conn)
		say(noteOf(ns.Conn.ID(), msg))
		return act(what, ns, msg)
	}
}

func (p *peer) remember(conn *neffos.Conn) {
	p.lock.Lock()
	defer p.lock.Unlock()
	key := conn.ID()
	if conn.IsClient() {
		key = ""
	}
	p.conns[key] = conn
}

func (p *peer) conn(id string) (*neffos.Conn, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	conn := p.conns[id]
	if conn == nil {
		return nil, fmt.Errorf("no connection %q", id)
	}
	return conn, nil
}

func (p *peer) dial(c command) error {
	header := make(http.Header)
	for name, value := range c.Headers {
		header.Set(name, value)
	}
	_, isNative := c.Handlers[""][neffos.OnNativeMessage]
	isNativeOnly := len(c.Handlers) == 1 && len(c.Handlers[""]) == 1 && isNative
	dialer := transport.Dialer(&gorilla.Dialer{}, header)
	client, err := neffos.Dial(context.Background(), dialer, c.URL, p.namespaces(c.Handlers, isNativeOnly))
	if err != nil {
		return err
	}
	p.client = client
	go func() {
		<-client.NotifyClose
		say(note{Event: "closed"})
	}()
	return nil
}

func (p *peer) do(c command) (any, error) {
	ctx := context.Background()
	if c.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout)*time.Millisecond)
		defer cancel()
		ctx = limited
	}
	switch c.Op {
	case "sync":
		// Whatever was told before stands in front of the answer.
		return nil, nil
	case "dial":
		return nil, p.dial(c)
	case "serve":
		return p.serve(c)
	case "invited":
		return nil, <-p.invited
	case "broadcast", "serverAsk", "total":
		return p.onServer(ctx, c)
	}
	conn, err := p.conn(c.Conn)
	if err == nil {
		settle(conn)
	}
	if p.client != nil {
		return p.onClient(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	return onConn(ctx, conn, c)
}

// onClient does what has to be done before there is any namespace.
func (p *peer) onClient(ctx context.Context, c command) (any, error) {
	switch c.Op {
	case "connect":
		ns, err := p.client.Connect(ctx, c.Namespace)
		if err == nil {
			p.remember(ns.Conn)
		}
		return nil, err
	case "waitConnect":
		ns, err := p.client.WaitServerConnect(ctx, c.Namespace)
		if err == nil {
			p.remember(ns.Conn)
		}
		return nil, err
	case "id":
		return p.client.ID, nil
	case "close":
		p.client.Close()
		return nil, nil
	}
	conn, err := p.conn("")
	if err != nil {
		return nil, err
	}
	return onConn(ctx, conn, c)
}

// settle waits until the reader has come back from its last handler, whose note the test may have seen before that: an
// ask that begins earlier reads the socket beside it.
func settle(conn *neffos.Conn) {
	for range 1000 {
		if !isInsideHandler(reflect.ValueOf(conn).Elem().FieldByName("isInsideHandler")) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// isInsideHandler reads the flag of the older line, a pointer to a number, and of the newer, which holds one.
func isInsideHandler(flag reflect.Value) bool {
	if flag.Kind() == reflect.Pointer {
		return flag.Elem().Uint() != 0
	}
	return flag.FieldByName("v").Uint() != 0
}

func onConn(ctx context.Context, conn *neffos.Conn, c command) (any, error) {
	switch c.Op {
	case "connect":
		_, err := conn.Connect(ctx, c.Namespace)
		return nil, err
	case "native":
		return conn.Write(neffos.Message{Namespace: c.Namespace, IsNative: true, Body: c.Body.bytes(), SetBinary: c.Body.IsBinary}), nil
	case "tries":
		return conn.ReconnectTries, nil
	}
	ns := conn.Namespace(c.Namespace)
	if ns == nil {
		return nil, neffos.ErrBadNamespace
	}
	return onNamespace(ctx, ns, c)
}

func onNamespace(ctx context.Context, ns *neffos.NSConn, c command) (any, error) {
	switch c.Op {
	case "disconnect":
		return nil, ns.Disconnect(ctx)
	case "join":
		_, err := ns.JoinRoom(ctx, c.Room)
		return nil, err
	case "leaveAll":
		return nil, ns.LeaveAll(ctx)
	case "rooms":
		names := []string{}
		for _, room := range ns.Rooms() {
			names = append(names, room.Name)
		}
		return names, nil
	case "ask":
		msg, err := ns.Ask(ctx, c.Event, c.Body.bytes())
		if err != nil {
			return nil, err
		}
		return noteOf(ns.Conn.ID(), msg), nil
	case "emit":
		return emit(ns, c)
	case "leave":
		room := ns.Room(c.Room)
		if room == nil {
			return nil, neffos.ErrBadRoom
		}
		return nil, room.Leave(ctx)
	}
	return nil, fmt.Errorf("no such thing to do: %q", c.Op)
}

func emit(ns *neffos.NSConn, c command) (any, error) {
	if c.Room != "" {
		room := ns.Room(c.Room)
		if room == nil {
			return nil, neffos.ErrBadRoom
		}
		return room.Emit(c.Event, c.Body.bytes()), nil
	}
	if c.Body.IsBinary {
		return ns.EmitBinary(c.Event, c.Body.bytes()), nil
	}
	return ns.Emit(c.Event, c.Body.bytes()), nil
}
