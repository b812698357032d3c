package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	koanfmaps "github.com/knadh/koanf/maps"
	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/tasks"
)

// Bounds of what is read. A settings file with a thousand producers has about 300 KiB.
const (
	maxFile   = 4 << 20
	maxSecret = 64 << 10
)

// readFile returns what the YAML file sets, by key.
func (l *loader) readFile(path string) []entry {
	if path == "" {
		return nil
	}
	b, err := readBounded(path, maxFile)
	if err != nil {
		l.bad = append(l.bad, tasks.Textf("settings file: %w", err))
		return nil
	}
	name := filepath.Base(path)
	root, err := parse(b)
	var tree map[string]any
	lines := map[string]int{}
	if err == nil {
		asText(root, "", lines)
		err = root.Decode(&tree)
	}
	if err != nil {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		l.bad = append(l.bad, tasks.Textf("%s: %s", name, strings.ReplaceAll(text, "unmarshal errors:\n  ", "")))
		return nil
	}
	for key, line := range lines { // of sections too
		l.origin[dotted(key)] = fmt.Sprintf("%s:%d", name, line)
	}
	flat, _ := koanfmaps.Flatten(tree, nil, delimiter)
	var entries []entry
	for _, key := range slices.Sorted(maps.Keys(flat)) {
		entries = append(entries, entry{key, dotted(key), l.origin[dotted(key)], flat[key]})
	}
	return entries
}

// parse returns the mapping that is the only document of b, an empty one for an empty file.
func parse(b []byte) (*yaml.Node, error) {
	var doc yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(b))
	nothing := &yaml.Node{Kind: yaml.MappingNode}
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nothing, nil
	} else if err != nil {
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, tasks.Textf("has a second document; one is read")
	}
	switch root := doc.Content[0]; {
	case root.Tag == "!!null":
		return nothing, nil
	case root.Kind == yaml.MappingNode:
		return root, nil
	}
	return nil, tasks.Textf("is not a mapping of keys to values")
}

// asText makes every key and value the text that was written, since YAML would read 007 as 7, and notes the line of
// each key. section is empty, or ends with delimiter.
func asText(n *yaml.Node, section string, lines map[string]int) {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		n.Tag = "!!str"
	}
	for i, child := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode || child.Kind != yaml.ScalarNode && i%2 == 0:
			asText(child, section, lines)
		case i%2 == 1:
			asText(child, section+n.Content[i-1].Value+delimiter, lines)
		case child.Tag != "!!merge":
			child.Tag = "!!str"
			lines[section+child.Value] = child.Line
		}
	}
}

// readSecret returns the content of a secret's file without its last line break.
func (l *loader) readSecret(raw any) (string, error) {
	path, ok := raw.(string)
	if !ok {
		return "", tasks.Textf("want the path of a file")
	}
	b, err := readBounded(expand(path, l.environ), maxSecret)
	if err != nil {
		return "", err
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if text == "" {
		return "", tasks.Textf("%s is empty", path)
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
		return nil, tasks.Textf("%s has over %v", path, Size(limit))
	}
	return b, nil
}
