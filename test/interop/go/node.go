package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/kataras/neffos"
	transport "github.com/kataras/neffos/gorilla"
	"github.com/kataras/neffos/stackexchange/nats"
	"github.com/kataras/neffos/stackexchange/redis"
)

// serve listens on a free port; connections are named by the header X-Id or the parameter id of the URL. One named
// "refused" is, and one named "invited" is connected to default at once.
func (p *peer) serve(c command) (any, error) {
	_, isNative := c.Handlers[""][neffos.OnNativeMessage]
	isNativeOnly := len(c.Handlers) == 1 && len(c.Handlers[""]) == 1 && isNative
	server := neffos.New(transport.DefaultUpgrader, p.namespaces(c.Handlers, isNativeOnly))
	server.IDGenerator = func(_ http.ResponseWriter, r *http.Request) string {
		if id := r.Header.Get("X-Id"); id != "" {
			return id
		}
		return r.URL.Query().Get("id")
	}
	server.OnConnect = func(conn *neffos.Conn) error {
		if conn.ID() == "refused" {
			return errors.New("not allowed; sorry")
		}
		p.remember(conn)
		if conn.ID() == "invited" {
			_, err := conn.Connect(context.Background(), "default")
			p.invited <- err
		}
		return nil
	}
	if c.Exchange != nil {
		if err := c.Exchange.join(server); err != nil {
			return nil, err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.server = server
	go http.Serve(listener, server)
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// join has the server share what it says with all the others of this broker and prefix.
func (e *exchange) join(server *neffos.Server) error {
	switch e.Kind {
	case "redis":
		shared, err := redis.NewStackExchange(redis.Config{Addr: e.Address}, e.Prefix)
		if err != nil {
			return err
		}
		return server.UseStackExchange(shared)
	case "nats":
		shared, err := nats.NewStackExchange(e.Address)
		if err != nil {
			return err
		}
		shared.SubjectPrefix = e.Prefix
		return server.UseStackExchange(shared)
	}
	return fmt.Errorf("no such exchange: %q", e.Kind)
}

// onServer does what is none of one connection's business.
func (p *peer) onServer(ctx context.Context, c command) (any, error) {
	if p.server == nil {
		return nil, errors.New("this is no server")
	}
	switch c.Op {
	case "broadcast":
		return nil, p.broadcast(c)
	case "serverAsk":
		msg, err := p.server.Ask(ctx, c.message(c.Body.bytes()))
		if err != nil {
			return nil, err
		}
		return noteOf("", msg), nil
	default:
		return p.server.GetTotalConnections(), nil
	}
}

func (c command) message(body []byte) neffos.Message {
	msg := neffos.Message{
		Namespace: c.Namespace, Room: c.Room, Event: c.Event, Body: body, SetBinary: c.Body.IsBinary,
		To: c.To, IsNative: c.IsNative,
	}
	if c.Err != "" {
		msg.Err = errors.New(c.Err)
	}
	return msg
}

// broadcast says all of its messages in one call.
func (p *peer) broadcast(c command) error {
	msgs := []neffos.Message{c.message(c.Body.bytes())}
	if c.Count > 0 {
		msgs = nil
	}
	for n := range c.Count {
		msgs = append(msgs, c.message(strconv.AppendInt(c.Body.bytes(), int64(n), 10)))
	}
	for _, more := range c.More {
		msgs = append(msgs, more.message(more.Body.bytes()))
	}
	if c.Exclude != "" {
		p.server.Broadcast(neffos.Exclude(c.Exclude), msgs...)
		return nil
	}
	if c.Except == "" {
		p.server.Broadcast(nil, msgs...)
		return nil
	}
	conn, err := p.conn(c.Except)
	if err != nil {
		return err
	}
	p.server.Broadcast(conn, msgs...)
	return nil
}
