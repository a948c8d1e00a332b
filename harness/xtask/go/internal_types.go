// Prints harness/sim/src/internal/types.txt, without the head of that file: the fields of the internal Go structs of
// Kubernetes, in their order, with the JSON names that the published types give them.
//
// Run in a module that requires k8s.io/kubernetes v1.36.3, with the staging modules replaced by those of the same release:
//
//	go run internal_types.go \
//	  /v1/Pod.Spec /v1/PodTemplate.Template /v1/PersistentVolumeClaim.Spec /v1/PersistentVolume.Spec \
//	  /v1/PersistentVolume.Spec.PersistentVolumeSource batch/v1/Job.Spec /v1/Event policy/v1/PodDisruptionBudget.Spec \
//	  apps/v1/StatefulSet.Spec storage.k8s.io/v1/VolumeAttachment.Spec storage.k8s.io/v1/CSINode.Spec /v1/ResourceQuota.Spec \
//	  /v1/Service.Spec networking.k8s.io/v1/NetworkPolicy.Spec networking.k8s.io/v1/Ingress.Spec \
//	  rbac.authorization.k8s.io/v1/RoleBinding.RoleRef autoscaling/v2/HorizontalPodAutoscaler.Spec /v1/Node.Spec
package main

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"unicode"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/certificates/install"
	_ "k8s.io/kubernetes/pkg/apis/coordination/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/discovery/install"
	_ "k8s.io/kubernetes/pkg/apis/events/install"
	_ "k8s.io/kubernetes/pkg/apis/flowcontrol/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/node/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	_ "k8s.io/kubernetes/pkg/apis/rbac/install"
	_ "k8s.io/kubernetes/pkg/apis/resource/install"
	_ "k8s.io/kubernetes/pkg/apis/scheduling/install"
	_ "k8s.io/kubernetes/pkg/apis/storage/install"
)

var lines = map[string]string{}
var pairs = map[reflect.Type]reflect.Type{}

func lower(s string) string {
	r := []rune(s)
	r[0] = unicode.ToLower(r[0])
	return string(r)
}

func tag(f reflect.StructField) (string, bool, bool) {
	t, ok := f.Tag.Lookup("json")
	if !ok {
		return "", false, false
	}
	p := strings.Split(t, ",")
	omit := false
	for _, o := range p[1:] {
		omit = omit || o == "omitempty" || o == "omitzero"
	}
	return p[0], omit, true
}

// Go names of an external struct's fields, promoted ones with them.
func externals(t reflect.Type, into map[string]reflect.StructField) {
	if t == nil || t.Kind() != reflect.Struct {
		return
	}
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		name, _, _ := tag(f)
		if f.Anonymous && name == "" {
			externals(f.Type, into)
			continue
		}
		into[f.Name] = f
	}
}

func short(t reflect.Type) string {
	p := strings.Split(t.PkgPath(), "/")
	pkg := p[len(p)-1]
	if strings.Contains(t.PkgPath(), "apimachinery") {
		pkg = "meta"
	} else if strings.Contains(t.PkgPath(), "/api/") {
		pkg = p[len(p)-2] + "." + pkg
	}
	return pkg + "." + t.Name()
}

func code(in, ex reflect.Type) string {
	switch in.String() {
	case "resource.Quantity":
		return "q"
	case "v1.Time":
		return "t"
	case "v1.MicroTime":
		return "t"
	case "intstr.IntOrString":
		return "x"
	case "v1.Duration":
		return "s"
	case "runtime.RawExtension", "v1.FieldsV1", "runtime.Object", "v1.JSON":
		return "v"
	}
	elem := func(t reflect.Type, k reflect.Kind) reflect.Type {
		if t != nil && t.Kind() == k {
			return t.Elem()
		}
		return t
	}
	switch in.Kind() {
	case reflect.Ptr:
		return "*" + code(in.Elem(), elem(ex, reflect.Ptr))
	case reflect.Slice:
		if in.Elem().Kind() == reflect.Uint8 {
			return "y"
		}
		return "[" + code(in.Elem(), elem(ex, reflect.Slice))
	case reflect.Map:
		return "{" + code(in.Elem(), elem(ex, reflect.Map))
	case reflect.Struct:
		for ex != nil && ex.Kind() == reflect.Ptr {
			ex = ex.Elem()
		}
		walk(in, ex)
		return short(in)
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "b"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint16, reflect.Uint8, reflect.Uint64, reflect.Int16:
		return "i"
	case reflect.Float64:
		return "f"
	case reflect.Interface:
		return "v"
	}
	panic(in.String())
}

func fields(in reflect.Type, ex map[string]reflect.StructField) []string {
	var out []string
	for i := 0; i < in.NumField(); i++ {
		f := in.Field(i)
		if !f.IsExported() {
			continue
		}
		if f.Name == "TypeMeta" {
			continue
		}
		name, omit, _ := tag(f)
		if name == "-" {
			continue
		}
		if f.Anonymous && name == "" {
			if e, ok := ex[f.Name]; ok { // embedded there under a name: ObjectMeta
				walk(f.Type, e.Type)
				external, _, _ := tag(e)
				out = append(out, "@"+external+":"+short(f.Type))
				continue
			}
			out = append(out, fields(f.Type, ex)...)
			continue
		}
		if name == "" {
			name = f.Name
		}
		e, ok := ex[f.Name]
		external := ""
		var et reflect.Type
		if ok {
			external, _, _ = tag(e)
			et = e.Type
		} else {
			external = "^" + lower(name) // moved here from the struct that holds this one
			fmt.Fprintln(os.Stderr, "no external field:", in, f.Name)
		}
		s := name
		if external != lower(name) {
			s += "=" + external
		}
		if omit {
			s += "?"
		}
		out = append(out, s+":"+code(f.Type, et))
	}
	return out
}

func walk(in, ex reflect.Type) {
	n := short(in)
	if _, ok := lines[n]; ok {
		if pairs[in] != ex && ex != nil {
			fmt.Fprintln(os.Stderr, "two externals:", in, pairs[in], ex)
		}
		return
	}
	lines[n] = ""
	pairs[in] = ex
	m := map[string]reflect.StructField{}
	externals(ex, m)
	lines[n] = strings.Join(fields(in, m), " ")
}

func main() {
	s := legacyscheme.Scheme
	roots := os.Args[1:]
	for _, r := range roots { // group/version/Kind.path.of.fields (Go names)
		p := strings.Split(r, "/")
		k := strings.Split(p[2], ".")
		in := typ(s, schema.GroupVersionKind{Group: p[0], Version: runtime.APIVersionInternal, Kind: k[0]})
		ex := typ(s, schema.GroupVersionKind{Group: p[0], Version: p[1], Kind: k[0]})
		for _, f := range k[1:] {
			in, ex = down(in, f), down(ex, f)
		}
		walk(in, ex)
	}
	var names []string
	for n := range lines {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Println(n, lines[n])
	}
}

func down(t reflect.Type, name string) reflect.Type {
	f, ok := t.FieldByName(name)
	if !ok {
		panic(t.String() + "." + name)
	}
	t = f.Type
	for t.Kind() == reflect.Ptr || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

func typ(s *runtime.Scheme, k schema.GroupVersionKind) reflect.Type {
	o, err := s.New(k)
	if err != nil {
		panic(err)
	}
	return reflect.TypeOf(o).Elem()
}
