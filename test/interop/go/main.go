// Command peer plays a neffos client, or a neffos server, for the tests.
//
// Commands come on stdin, one JSON object a line. Each is answered on stdout by one with the same id; what handlers are
// told goes out there as well, in the order in which they are told.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/kataras/neffos"
)

// command is what the test wants done.
type command struct {
	ID int    `json:"id"`
	Op string `json:"op"`
	// Conn is the id of a connection of the server; a client has only one.
	Conn      string `json:"conn"`
	URL       string `json:"url"`
	Namespace string `json:"namespace"`
	Room      string `json:"room"`
	Event     string `json:"event"`
	Body      body   `json:"body"`
	// Timeout of an ask, in milliseconds.
	Timeout int `json:"timeout"`
	// Handlers says what the handler of an event does: namespace, event, what.
	Handlers map[string]map[string]string `json:"handlers"`
	// Headers of the dial.
	Headers map[string]string `json:"headers"`
	// Exchange makes the server a node of a cluster.
	Exchange *exchange `json:"exchange"`
	// To is the id of the only receivers of what the server says.
	To string `json:"to"`
	// Except is the id of the one connection that is left out of a broadcast, by what it is.
	Except string `json:"except"`
	// Exclude is left out by its id alone.
	Exclude string `json:"exclude"`
	// IsNative makes a broadcast of nothing but the body.
	IsNative bool `json:"isNative"`
	// Count is how many messages one broadcast has; the body of each is followed by its number.
	Count int `json:"count"`
	// Err makes a broadcast of an error.
	Err string `json:"err"`
	// More is what the same call says behind that.
	More []command `json:"more"`
}

// exchange is the broker between the nodes: "redis" at host and port, "nats" at a URL.
type exchange struct {
	Kind    string `json:"kind"`
	Address string `json:"address"`
	Prefix  string `json:"prefix"`
}

// body is text, or bytes, whose text is hex.
type body struct {
	Text     string `json:"text"`
	IsBinary bool   `json:"isBinary"`
}

// answer is what came of a command.
type answer struct {
	ID    int    `json:"id"`
	Error string `json:"error,omitempty"`
	Value any    `json:"value,omitempty"`
}

// note is what a handler was told.
type note struct {
	Conn      string `json:"conn"`
	Event     string `json:"event"`
	Namespace string `json:"namespace"`
	Room      string `json:"room"`
	Body      body   `json:"body"`
	Err       string `json:"err"`
	IsForced  bool   `json:"isForced"`
	IsLocal   bool   `json:"isLocal"`
	IsNative  bool   `json:"isNative"`
}

var (
	out     = json.NewEncoder(os.Stdout)
	outLock sync.Mutex
)

func say(line any) {
	outLock.Lock()
	defer outLock.Unlock()
	if err := out.Encode(line); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// peer is the one side that this process plays.
type peer struct {
	lock  sync.Mutex
	conns map[string]*neffos.Conn
	// client is set once this process has dialled, server once it listens.
	client *neffos.Client
	server *neffos.Server
	// invited gets what came of the connect inside OnConnect.
	invited chan error
}

func main() {
	p := &peer{conns: make(map[string]*neffos.Conn), invited: make(chan error, 1)}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<16), 1<<22)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		// An ask waits for its answer, and must not keep what comes next from being done.
		done := make(chan struct{})
		go func() {
			defer close(done)
			a := answer{ID: c.ID}
			value, err := p.do(c)
			if err != nil {
				a.Error = err.Error()
			}
			a.Value = value
			say(a)
		}()
		if c.Op == "emit" || c.Op == "native" || c.Op == "broadcast" {
			<-done
		}
	}
}
