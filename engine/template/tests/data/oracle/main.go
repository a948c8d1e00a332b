// Renders the cases of cases.txt with Go's text/template (and Sprig) and prints what came out, as JSON lines:
//
//	go run . cases.txt > recorded.jsonl
//
// A case is one line: "go" or "sprig", a tab, data as JSON ("-": the data of the last line that begins with "data"), a tab,
// the template, in which ⏎ stands for a line break. Integers of the data become int, other numbers float64.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

func typed(value any) any {
	switch value := value.(type) {
	case json.Number:
		if integer, err := value.Int64(); err == nil {
			return int(integer)
		}
		float, _ := value.Float64()
		return float
	case []any:
		for index := range value {
			value[index] = typed(value[index])
		}
	case map[string]any:
		for key := range value {
			value[key] = typed(value[key])
		}
	}
	return value
}

func render(functions, data, text string) (out string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	decoder := json.NewDecoder(strings.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		panic(data)
	}
	t := template.New("t")
	if functions == "sprig" {
		t = t.Funcs(sprig.TxtFuncMap())
	}
	t, err = t.Parse(text)
	if err != nil {
		return "", err
	}
	var buffer bytes.Buffer
	err = t.Execute(&buffer, typed(value))
	return buffer.String(), err
}

func main() {
	content, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	shared := "{}"
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	for _, line := range strings.Split(string(content), "\n") {
		parts := strings.SplitN(line, "\t", 3)
		if len(parts) == 2 && parts[0] == "data" {
			shared = parts[1]
		}
		if len(parts) != 3 {
			continue
		}
		data := parts[1]
		if data == "-" {
			data = shared
		}
		out, err := render(parts[0], data, strings.ReplaceAll(parts[2], "⏎", "\n"))
		answer := struct {
			Out   string `json:"out"`
			Error string `json:"error,omitempty"`
		}{Out: out}
		if err != nil {
			answer.Error = err.Error()
		}
		if err := encoder.Encode(answer); err != nil {
			panic(err)
		}
	}
}
