// Prints what Masterminds' semver and Flux's pkg/version make of versions, constraints and lists of tags, as JSON lines:
//
//	go run . > ../recorded.jsonl
//
// First the versions with their errors (none: ""), then for each constraint its error, or which of the valid versions it
// holds (1 or 0 for each), then lists of tags with the highest that Flux takes from them under a constraint.
package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/version"
)

var versions = strings.Fields(`0 1 2 v1 1.2 v1.2 0.0.0 0.0.1 0.0.2 0.0.3 0.1.0 0.1.1 0.2.0 0.2.3 0.2.4 0.2.9 0.3.0 0.10.0 1.0.0 v1.0.0 V1.0.0
1.0.1 1.0.2 1.0.10 1.1.0 1.1.1 1.2.0 1.2.2 1.2.3 v1.2.3 1.2.4 1.2.9 1.2.10 1.3.0 1.10.0 1.20.3 2.0.0 2.0.1 2.1.0 2.2.3 2.3.4 3.0.0 3.1.4 4.5.6 10.0.0
11.0.0 11.1.0 12.0.0 99999999999.0.0 0.0.0-alpha 0.0.1-1 0.2.3-beta.2 1.0.0-0 1.0.0-1 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2
1.0.0-beta.11 1.0.0-rc.1 1.0.0-rc1 1.0.0-x.7.z.92 1.0.0-- 1.0.0-a-b 1.0.0-A 1.0.1-rc.1 1.1.0-rc.1 1.2.0-0 1.2.3-alpha 1.2.3-beta.1 1.2.3-beta.2 1.2.4-beta.1
1.3.0-beta 2.0.0-0 2.0.0-alpha 2.0.0-rc.1 2.1.0-rc 3.0.0-beta 11.0.0-rc 1.0.0+build 1.0.0+build.2 1.0.0-rc.1+b 1.2.3+20130313144700 1.2.3-beta+exp.sha.5114f85
1.0.0-00 1.0.0-01 1.0.0-0a 1.0.0-1.01 01.0.0 1.02.3 1.2.03 v2025.02.03 v2025.02.03-rc.1 20240101.1.1 1.2.3.4 1.2.3. 1..2 .1.2 a.b.c latest main-abc123 1.0.0- 1.0.0+ 1.0.0-a..b 1.0.0-a.
1.0.0_1 1.0.0-é vv1.0.0 -1.0.0 1.-2.0 1.2-rc 1-rc v1-rc.1 1.2-rc+b 1.x 1.0.x 18446744073709551615.0.0 18446744073709551616.0.0 1.0.0-18446744073709551616 1.0.0-18446744073709551617 1.2.3+a_b 1.2.3+a..b 1.2.3-a+`)

var written = strings.Split(`*|x|X|1|1.x|1.x.x|1.2|1.2.x|1.2.X|1.2.*|1.*|1.0.x|1.2.3|v1.2.3|=1.2.3|= 1.2.3|==1.2.3|!=1.2.3|!=1.2|!=1|!=1.x|!=1.2.x|!=*|!= 1.2.3-beta.1|!=1.2.3-beta.1
>1.2.3|>1.2|>1|>1.x|>1.2.x|>*|>0|>0.0.0|>1.0.0-alpha|>1.0.0-0|>11|>11.0|>1.2.3-beta.1
<1.2.3|<1.2|<1|<1.x|<2.x|<*|<1.0.0-rc.1|<0|<2.0.0-0
>=1.2.3|>=1.2|>=1|>=1.x|>=1.2.x|>=*|>=0|>=0.0.0-0|>=1.0.0-0|>=1.0.0-alpha|>= 1.0.0|>=1.0.0-beta.2|=>1.2.3
<=1.2.3|<=1.2|<=1|<=1.x|<=1.2.x|<=*|<=1.0.0-rc.1|=<1.2|<=0
~1.2.3|~1.2|~1|~1.x|~1.2.x|~*|~>1.2.3|~> 1.2|~0.2.3|~0.2|~0|~0.0.0|~0.0|~0.0.1|~1.2.3-beta.1|~1.0.0-0|~1-rc|~1.2-0|~0.0.0-0
^1.2.3|^1.2|^1|^1.x|^1.2.x|^*|^0.2.3|^0.2|^0|^0.0.3|^0.0|^0.0.0|^0.x|^0.0.x|^1.2.3-beta.1|^0.2.3-beta.2|^0-0|^1.0.0-0|^0.0.0-0|^0.2.x|^2.0.0-0
1.2 - 1.4.5|1.2.3 - 2.3.4|1 - 2|1.x - 2.x|1.2.3 - 2|1.0.0-alpha - 2.0.0|1.2.3-2.3.4|1.2.3 -2.3.4|1.2.3- 2.3.4| 1 - 2 |0 - 1, !=1.0.0|1 - 2 3 - 4|v1.0.0 - v2.0.0|* - 2
>=1.0.0 <2.0.0|>=1.0.0, <2.0.0|>=1.0.0,<2.0.0|>= 1.0.0 , < 2.0.0|>1, <2|>1 <2|>=1.0.0 !=1.2.3 <2|^1 !=1.2.x|>=1.0.0-0 <2.0.0|>=1.0.0-0 <2.0.0-0|>=1.0.0 <2.0.0-0|>1.0.0-alpha, <1.0.0|~1.2 >=1.2.3|>=1.2.3, <1.2.4-0
1.x !=1.2.3-beta.1|>=1.2.3  <2|>=1.2.3 ,<2|1 2|1,2|1.2.3,1.2.3|>=0.0.0-0, !=1.0.0-rc.1|!=1.0.0 !=1.0.1|!=1.0.0-0, <2
|  |,|<|>=|=|~|^|latest|a.b.c|1.2.3.4|1.2.3.|=>>1|>>1|<>1|=!1|~=1|^^1|~~1|1.2.x.x|x.1|*.2|x.2.3|1.x.3|1.*.3|>=x.1|1.0.0-|1.0.0-a..b|>=1.0.0-01|1.0.0+b|>=1.0.0+b|1.2.3-é|>=1.0.0;<2|>=1.0.0 and <2|>=1.0.0 & <2|01.2.3|>=01.2|v|vv1|>=v1.2|>= v1.2.3|!v1|^ 1.2|~ 1.2.3|>	1|1.2.3 ||99999999999999999999|>1.99999999999999999999.0|xx|**|1.xx|1X|x1|-1|>-1`, "\n")

func constraints() []string {
	var all []string
	for _, line := range written {
		all = append(all, strings.Split(line, "|")...)
	}
	all = append(all, "<1.0 || >=2.0", "^1.2 || ~2.0", "1.2.3||2.0.0", "||", "1||", "||1", "1 || 2 || 3", ">=1.0.0-0 || 3", "<1.0.0-rc.1||>2", "1.x | 2.x", "1|2", "1.2.3 | 2", "a || 1", "1 || a", "^1 ||  ~2 , !=2.0.1")
	random := rand.New(rand.NewSource(1))
	operators := []string{"", "", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^", "^", ">= ", "< "}
	parts := []string{"0", "0", "1", "1", "2", "3", "10", "x", "*"}
	pres := []string{"", "", "", "", "", "-0", "-alpha", "-rc.1", "-beta.2", "+b"}
	one := func() string {
		text := operators[random.Intn(len(operators))]
		if random.Intn(6) == 0 {
			text += "v"
		}
		count := 1 + random.Intn(3)
		for index := 0; index < count; index++ {
			if index > 0 {
				text += "."
			}
			text += parts[random.Intn(len(parts))]
		}
		return text + pres[random.Intn(len(pres))]
	}
	for len(all) < 900 {
		text := one()
		for random.Intn(3) == 0 {
			text += []string{" ", ", ", ",", " || ", "||", " - "}[random.Intn(6)] + one()
		}
		all = append(all, text)
	}
	return all
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	var valid []*semver.Version
	for _, text := range versions {
		parsed, err := semver.NewVersion(text)
		line := map[string]string{"version": text, "error": ""}
		if err != nil {
			line["error"] = err.Error()
		} else {
			valid = append(valid, parsed)
		}
		out.Encode(line)
	}
	for index := range valid {
		line := ""
		for other := range valid {
			line += fmt.Sprint(valid[index].Compare(valid[other]) + 1)
		}
		out.Encode(map[string]string{"of": valid[index].Original(), "order": line})
	}
	random := rand.New(rand.NewSource(2))
	for index, text := range constraints() {
		constraint, err := semver.NewConstraint(text)
		if err != nil {
			out.Encode(map[string]string{"constraint": text, "error": err.Error()})
			continue
		}
		holds := ""
		for _, parsed := range valid {
			if constraint.Check(parsed) {
				holds += "1"
			} else {
				holds += "0"
			}
		}
		out.Encode(map[string]string{"constraint": text, "holds": holds})
		if index%2 == 0 {
			var tags []string
			for count := 3 + random.Intn(12); count > 0; count-- {
				tags = append(tags, versions[random.Intn(len(versions))])
			}
			sorted := version.Sort(constraint, tags)
			highest := ""
			if len(sorted) > 0 {
				highest = sorted[0]
			}
			out.Encode(map[string]any{"range": text, "tags": tags, "highest": highest})
		}
	}
}
