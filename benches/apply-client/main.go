// Applies objects to an API server over eight connections, twice, and prints how many a second it took.
//
//	apply-client SERVER TOKEN FILE      FILE: lines of a path, a tab and the object in JSON
//
// Written with Go's own client, so that neither server is asked in its own language's way.
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

const connections = 8

func main() {
	server, token := os.Args[1], os.Args[2]
	content, err := os.ReadFile(os.Args[3])
	if err != nil {
		fail(err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	for _, round := range []string{"create", "no-op"} {
		began := time.Now()
		var all sync.WaitGroup
		for first := 0; first < connections; first++ {
			all.Add(1)
			go func() {
				defer all.Done()
				client := &http.Client{Transport: &http.Transport{
					TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxConnsPerHost: 1, DisableCompression: true,
				}}
				for at := first; at < len(lines); at += connections {
					apply(client, server, token, lines[at])
				}
			}()
		}
		all.Wait()
		fmt.Printf("%s %.0f\n", round, float64(len(lines))/time.Since(began).Seconds())
	}
}

func apply(client *http.Client, server, token, line string) {
	path, object, _ := strings.Cut(line, "\t")
	request, err := http.NewRequest("PATCH", server+path+"?fieldManager=bench&force=true", bytes.NewReader([]byte(object)))
	if err != nil {
		fail(err)
	}
	request.Header.Set("Content-Type", "application/apply-patch+yaml")
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Accept", "application/json")
	answer, err := client.Do(request)
	if err != nil {
		fail(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode > 201 {
		fail(fmt.Errorf("%s: %s", path, body))
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
