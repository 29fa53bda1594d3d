// Command probe is the only file of the image that tests run where they need no more
// than a pod, and that containerd runs as the sandbox of every pod: it waits, serves
// a line over HTTP, or asks for one.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const usage = "call me: probe wait | serve ADDRESS TEXT | get URL"

func main() {
	if len(os.Args) < 2 {
		fail(usage)
	}
	switch command, rest := os.Args[1], os.Args[2:]; {
	case command == "wait" && len(rest) == 0:
		wait()
	case command == "serve" && len(rest) == 2:
		go wait()
		serve(rest[0], rest[1])
	case command == "get" && len(rest) == 1:
		get(rest[0])
	default:
		fail(usage)
	}
}

// wait ends the process on SIGTERM: as process 1 of a container it has no default for that.
func wait() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	// As process 1 it inherits orphans, and a shared process namespace has those of all containers.
	child := make(chan os.Signal, 1)
	signal.Notify(child, syscall.SIGCHLD)
	for {
		select {
		case <-stop:
			os.Exit(0)
		case <-child:
			for {
				if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
					break
				}
			}
		}
	}
}

func serve(address, text string) {
	handler := func(answer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(answer, text) }
	fail(http.ListenAndServe(address, http.HandlerFunc(handler)))
}

func get(url string) {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get(url)
	if err != nil {
		fail(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		fail(answer.Status)
	}
	if _, err := io.Copy(os.Stdout, answer.Body); err != nil {
		fail(err)
	}
}

func fail(reason any) {
	fmt.Fprintln(os.Stderr, reason)
	os.Exit(1)
}
