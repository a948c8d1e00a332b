// Prints what Go's regexp makes of patterns, as JSON lines: for each its error, or, for each text, whether it matches, what
// Expand makes of the leftmost match, all matches, and the text with all matches replaced.
//
//	go run main.go > ../regexp.jsonl
package main

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
)

var patterns = strings.Split("^v?(?P<v>[0-9]+)\n^main-[a-f0-9]+-(?P<ts>[0-9]+)\n^(?P<env>prod|beta)-(?P<n>\\d+)$\n(.*)\n^$\n\n.\n.*?\na*\na+?b\n(a|b)*c\n(a)(b)?(c)?\n^.*\\.sig$\n^[0-9]+\\.[0-9]+\\.[0-9]+$\n\\d\n\\D\n\\w+\n\\W+\n\\s\n\\S+\n\\bv\\b\n\\b\\d\n[[:alpha:]]+\n[[:^alpha:]]+\n[[:word:]-]+\n[\\d.]+\n[^\\d]\n[\\w-]+\n[a-z&&b]+\n[a--z]\n[a-c~~b]\n[[a]\n[]a]\n[^]a]\n[a-]\n[-a]\n[a\\-z]\n[\\]]\n[.]\n[+--]\n[\\x41-\\x43]\n[\\n]\n\\.\n\\-\n\\_\n\\/\n\\#\n\\ \n\\<\n\\>\n\\%\n\\t\n\\a\n\\v\n\\x41\n\\x{41}\n\\x{1F600}\n\\101\n\\1\n\\8\n\\07\n\\0\n\\Qa.b\\E\n\\Qa.b\n\\Q\\E\na\\Q+\\E+\n\\pL+\n\\p{Greek}+\n\\p{^Greek}\n\\PL\n\\p{Lu}\n\\p{Latin}\n\\p{Foo}\n\\p{Alphabetic}\n\\pX\n\\p{L\n\\p\n(?i)ABC\n(?i:a)B\n(?i)k\n(?s).\n(?m)^a$\n(?m)$\n(?U)a+\n(?U)a+?\n(?-s).\n(?im-s)a\n(?x)a b\n(?u)a\n(?R)a\n(?i\n(?\n(?z)\n(?=a)\n(?!a)\n(?<=a)\n(?<!a)\n(?>a)\n(?#a)\n(?P<n>a)(?P<n>b)\n(?<n>a)\n(?P<1n>a)\n(?P<n-m>a)\n(?P<>a)\n(?P<n\n(?P=n)\n(?P>n)\n(?:a)\n()\n(|a)\n(a|)\na||b\n|\n(\n)\na)\n(a\n[\n[a\n[^\n[z-a]\n[a-\\d]\n[[:foo:]]\n[[:alpha:\n\\\na\\\n\\y\n\\Z\n\\z\n\\A\n\\C\n*\n+a\n?\na**\na*+\na+*\na??\na???\na{2}{3}\na{2}\na{2,}\na{1,2}\na{2,1}\na{,2}\na{\na{}\na{a}\na{1,2,3}\na{1001}\na{1000}\na{01}\na{1 }\n{2}\n^*\n$*\n\\b+\n(?i)*\n(*a)\n(a*)*\n(a*)+\n(a{2}){3}\n(?:a|ab)(?:c|bcd)\nx*\n1|12\n12|1\nü\n[ü-ÿ]\n.ü\n\\x{fc}\n\\xfc\n\\x{110000}\n\\x{}\n\\xg\n\\x{1\n[\\x{}]\n[\\y]\n[\\1]\n[\\b]\n[\\Q]\n[\\pL]\n[\\p{Greek}x]\n[[:alpha:][:digit:]]\n[[:alpha:]-z]\n[a-[:alpha:]]\n[\\d-z]\n[*]\n[$^]\n[(]\n[|]\n#a\na b\na#b\n~\n&&\n-\na-b\n\"\n'\n`\n,\n;\n:\n=\n!\n@\n<\n>\n/", "\n")

var texts = []string{"", "a", "b", "v1", "1.0.0", "main-ab12-100", "prod-7", "sha256-ab.sig", "aaabc abcd aab", "ABC abc", "a-b_c d.e", "ü Ω k K", "x\ny", "a+b [c] {2} (d) $1", "12 121", "\t^$|"}

var templates = []string{"$0", "$1", "$v", "${ts}-$n", "$$1", "$1x", "${1}x", "$", "${", "${x}", "$x$", "$env-$n", "a$é"}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for index, pattern := range patterns {
		compiled, err := regexp.Compile(pattern)
		if err != nil {
			out.Encode(map[string]any{"pattern": pattern, "error": err.Error()})
			continue
		}
		var found []any
		for other, text := range texts {
			template := templates[(index+other)%len(templates)]
			expanded := any(nil)
			if match := compiled.FindStringSubmatchIndex(text); match != nil {
				expanded = string(compiled.ExpandString(nil, template, text, match))
			}
			all := compiled.FindAllString(text, -1)
			if all == nil {
				all = []string{}
			}
			found = append(found, []any{text, template, expanded, all, compiled.ReplaceAllString(text, template), compiled.Split(text, -1)})
		}
		out.Encode(map[string]any{"pattern": pattern, "found": found})
	}
}
