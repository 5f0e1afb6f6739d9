// Peer: Go's net/http, its defaults, one source file without modules: go build peer_go.go
//
// Go's runtime takes the number of processors from the affinity mask, so that taskset makes GOMAXPROCS 1.
//
// time.Sleep does not block a thread: the runtime parks the goroutine, as tokio's own sleep parks a task. What a C library
// or a file does is a system call that blocks its thread, and /block is that: nanosleep(2).
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What spin works for a microsecond, as found when the program starts.
var stepsPerMicrosecond uint64

// Where spin's result goes, so that the compiler must compute it.
var sink uint64

type addresses []string

func (list *addresses) String() string { return strings.Join(*list, ",") }

func (list *addresses) Set(address string) error {
	*list = append(*list, address)
	return nil
}

func main() {
	var listen addresses
	flag.Var(&listen, "listen", "address to listen on, repeatable")
	flag.Parse()
	stepsPerMicrosecond = measureSteps()
	http.HandleFunc("/plaintext", func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Content-Type", "text/plain")
		answer.Write([]byte("Hello, World!"))
	})
	handle("/sleep/", func(ms uint64) { time.Sleep(time.Duration(ms) * time.Millisecond) })
	handle("/block/", block)
	handle("/spin/", func(us uint64) { spin(us * stepsPerMicrosecond) })
	for _, address := range listen {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			log.Fatal(err)
		}
		go func() { log.Fatal(http.Serve(listener, nil)) }()
	}
	select {}
}

// handle serves the paths that end in a number.
func handle(prefix string, act func(uint64)) {
	http.HandleFunc(prefix, func(answer http.ResponseWriter, request *http.Request) {
		number, err := strconv.ParseUint(strings.TrimPrefix(request.URL.Path, prefix), 10, 32)
		if err != nil {
			http.NotFound(answer, request)
			return
		}
		act(number)
		answer.Header().Set("Content-Type", "text/plain")
		fmt.Fprintf(answer, "%s%d\n", prefix, number)
	})
}

// block keeps its thread in the kernel; a signal of the runtime's may interrupt it, and then the rest remains.
func block(ms uint64) {
	rest := syscall.NsecToTimespec(int64(ms) * 1e6)
	for syscall.Nanosleep(&rest, &rest) == syscall.EINTR {
	}
}

// spin does work that takes the same time wherever it is compiled: each step waits for the one before it.
//
// Not the thread's CPU clock: a goroutine has no thread of its own, and tying it to one would change how it is scheduled.
//
//go:noinline
func spin(steps uint64) {
	value := steps
	for ; steps > 0; steps-- {
		value = value*6364136223846793005 + 1442695040888963407
	}
	sink = value
}

// measureSteps takes the fastest of twenty rounds: in the others something else had the processor.
func measureSteps() uint64 {
	const steps = 1_000_000
	fastest := time.Hour
	for round := 0; round < 20; round++ {
		start := time.Now()
		spin(steps)
		if took := time.Since(start); took < fastest {
			fastest = took
		}
	}
	return uint64(steps * time.Microsecond / fastest)
}
