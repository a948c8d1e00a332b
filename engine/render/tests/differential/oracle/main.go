// A server for the differential test: builds directories with kustomize's own library, without its start-up time.
//
//	mkdir /tmp/o && cp main.go /tmp/o && cd /tmp/o && go mod init oracle
//	go get sigs.k8s.io/kustomize/api@v0.21.1 sigs.k8s.io/kustomize/kyaml@v0.21.1 && go mod tidy && go build -o server .
//	SEATRIAL_FUZZ_SERVER=/tmp/o/server SEATRIAL_FUZZ_TREES=10000 cargo test -p seatrial-render --test differential
//
// Reads a directory per line; answers with `ok` or `error`, the number of bytes, and the bytes.
package main

import (
	"bufio"
	"fmt"
	"os"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func build(dir string) (out []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: goroutine: %v", cause)
		}
	}()
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionUnspecified
	resources, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, err
	}
	return resources.AsYaml()
}

func main() {
	in, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	for in.Scan() {
		status := "ok"
		text, err := build(in.Text())
		if err != nil {
			status, text = "error", []byte(err.Error())
		}
		fmt.Fprintf(out, "%s %d\n", status, len(text))
		out.Write(text)
		out.Flush()
	}
}
