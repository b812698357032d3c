package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	yamlv3 "go.yaml.in/yaml/v3"
)

// Bounds of what is read. A settings file with a thousand producers has about 300 KiB.
const (
	maxFile   = 4 << 20
	maxSecret = 64 << 10
)

// fileSuffix turns the key of a secret into the key of the file that holds it.
const fileSuffix = "_file"

// readFile returns the tree of the YAML file, with the files of secrets read.
func (l *loader) readFile(path string) map[string]any {
	if path == "" {
		return nil
	}
	b, err := readBounded(path, maxFile)
	if err != nil {
		l.bad = append(l.bad, fmt.Sprintf("settings file: %v", err))
		return nil
	}
	before := len(l.bad)
	l.noteLines(filepath.Base(path), b)
	if len(l.bad) > before {
		return nil
	}
	tree, err := yaml.Parser().Unmarshal(b)
	if err != nil { // Its text may quote a value, which may be a secret.
		l.bad = append(l.bad, filepath.Base(path)+": a value does not fit its YAML tag")
		return nil
	}
	tree = stringKeys(tree)
	l.fileSecrets(reflect.TypeFor[Config](), tree, nil)
	return tree
}

// noteLines remembers the line of each key, and reports bad syntax, keys given twice and a file that is no mapping.
func (l *loader) noteLines(name string, b []byte) {
	var root yamlv3.Node
	dec := yamlv3.NewDecoder(bytes.NewReader(b))
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF): // empty
		return
	case err != nil:
		l.bad = append(l.bad, fmt.Sprintf("%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: ")))
		return
	}
	if err := dec.Decode(new(yamlv3.Node)); !errors.Is(err, io.EOF) {
		l.bad = append(l.bad, name+": has a second document; one is read")
	}
	if len(root.Content) == 1 && root.Content[0].Tag == "!!null" {
		return
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yamlv3.MappingNode {
		l.bad = append(l.bad, name+": is not a mapping of keys to values")
		return
	}
	l.noteNode(name, root.Content[0], nil)
}

func (l *loader) noteNode(name string, n *yamlv3.Node, path []string) {
	if n.Kind != yamlv3.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		here := append(path[:len(path):len(path)], key.Value)
		full := strings.Join(here, ".")
		where := fmt.Sprintf("%s:%d", name, key.Line)
		if earlier, twice := l.origin[full]; twice {
			l.bad = append(l.bad, fmt.Sprintf("%s (%s): is already set at %s", full, where, earlier))
			continue
		}
		l.origin[full] = where
		l.noteNode(name, n.Content[i+1], here)
	}
}

// stringKeys makes every mapping one from strings: errcodes are written as numbers.
func stringKeys(m map[string]any) map[string]any {
	for k, v := range m {
		switch v := v.(type) {
		case map[string]any:
			stringKeys(v)
		case map[any]any:
			out := make(map[string]any, len(v))
			for key, value := range v {
				out[fmt.Sprint(key)] = value
			}
			m[k] = stringKeys(out)
		}
	}
	return m
}

// fileSecrets replaces each key of a secret's file by the secret.
func (l *loader) fileSecrets(t reflect.Type, node map[string]any, path []string) {
	for key, value := range node {
		here := append(path[:len(path):len(path)], key)
		if s, ok := secretOf(t, key); ok {
			delete(node, key)
			l.fileSecret(s, node, here, value)
			continue
		}
		sub, isMap := value.(map[string]any)
		f, known := fieldOf(t, key)
		switch {
		case !known || !isMap:
		case isSection(f.Type):
			l.fileSecrets(f.Type, sub, here)
		case isNamed(f.Type):
			for name, entry := range sub {
				if m, ok := entry.(map[string]any); ok {
					l.fileSecrets(f.Type.Elem(), m, append(here[:len(here):len(here)], name))
				}
			}
		}
	}
}

func (l *loader) fileSecret(s leaf, node map[string]any, path []string, value any) {
	file, ok := value.(string)
	switch {
	case value == nil:
		return
	case !ok || file == "":
		l.reject(path, "want the path of a file")
		return
	case node[s.name] != nil:
		l.reject(path, "%s is set too: give one of them", s.name)
		return
	}
	text, err := l.readSecret(file)
	if err != nil {
		l.reject(path, "%v", err)
		return
	}
	node[s.name] = text
	last := len(path) - 1
	full := strings.Join(path, ".")
	l.origin[strings.Join(append(path[:last:last], s.name), ".")] = l.origin[full]
}

// readSecret returns the content of a secret's file without its last line break.
func (l *loader) readSecret(path string) (string, error) {
	b, err := readBounded(expand(path, l.environ), maxSecret)
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(b)) > limit:
		return nil, fmt.Errorf("%s has over %v", path, Size(limit))
	}
	return b, nil
}
